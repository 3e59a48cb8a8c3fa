import asyncio


async def serve(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_unix_server(serve, "/tmp/socket")
    async with server:
        reader, writer = await asyncio.open_unix_connection("/tmp/socket")
        writer.write(b"hello\n")
        print(await reader.read())
        writer.close()


asyncio.run(main())
