import asyncio


async def tick(name, n):
    for i in range(n):
        print(name, i)
        await asyncio.sleep(0)
    return n


async def main():
    print(await asyncio.gather(tick("a", 2), tick("b", 3)), type(asyncio.get_running_loop()))
    print(await asyncio.to_thread(sum, [1, 2]))


asyncio.run(main())
