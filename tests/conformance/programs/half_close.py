"""write_eof ends one direction: the other still answers."""

import asyncio
async def handler(reader, writer):
    print("server read", await reader.read())
    writer.write(b"answer")
    writer.close()
    await writer.wait_closed()


async def main():
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"ques")
    writer.write(b"tion")
    writer.write_eof()
    print("client read", await reader.read())
    print(reader.at_eof())
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


asyncio.run(main())
