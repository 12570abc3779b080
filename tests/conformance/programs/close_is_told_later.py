"""close() tells connection_lost in a later turn, once, and sends first what was written."""

import asyncio


class Client(asyncio.Protocol):
    def __init__(self, ended):
        self.ended = ended

    def connection_lost(self, error):
        print("lost", error)
        self.ended.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    ended, read = loop.create_future(), loop.create_future()

    async def handler(reader, writer):
        read.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    transport, _ = await loop.create_connection(lambda: Client(ended), *address)
    transport.write(b"last words")
    transport.close()
    print("closing", transport.is_closing())
    loop.call_soon(print, "a callback after it")
    await ended
    transport.close()
    print(await read)
    server.close()
    await server.wait_closed()


asyncio.run(main())
