import asyncio
import os
import signal


async def main():
    event = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, event.set)
    os.kill(os.getpid(), signal.SIGTERM)
    await event.wait()
    print("terminated")


asyncio.run(main())
