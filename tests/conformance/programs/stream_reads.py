"""Lines, exact counts, separators and what is left at the end."""

import asyncio
async def handler(reader, writer):
    writer.write(b"first\nsecond\r\nabcdefg;rest")
    writer.close()


async def main():
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    print(await reader.readline())
    print(await reader.readline())
    print(await reader.readexactly(4))
    print(await reader.readuntil(b";"))
    try:
        await reader.readexactly(10)
    except asyncio.IncompleteReadError as error:
        print("incomplete", error.partial, error.expected)
    print(await reader.read(10), reader.at_eof())
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


asyncio.run(main())
