"""A server's protocol is told of a connection from its beginning to its end, in order."""

import asyncio


class Notes(asyncio.Protocol):
    def __init__(self, name, ended):
        self.name, self.ended = name, ended

    def connection_made(self, transport):
        self.transport = transport
        print(self.name, "made")

    def data_received(self, data):
        print(self.name, "data", data.decode())

    def eof_received(self):
        print(self.name, "eof")

    def connection_lost(self, error):
        print(self.name, "lost", error)
        self.ended.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    server = await loop.create_server(lambda: Notes("server", ended), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    writer.close()
    await ended
    server.close()
    await server.wait_closed()


asyncio.run(main())
