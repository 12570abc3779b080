"""Who writes more than the peer takes is told to pause, and to go on when it has read."""

import asyncio


class Writer(asyncio.Protocol):
    def __init__(self, resumed):
        self.resumed = resumed

    def pause_writing(self):
        print("pause")

    def resume_writing(self):
        print("resume")
        self.resumed.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    resumed, accepted = loop.create_future(), loop.create_future()

    async def handler(reader, writer):
        accepted.set_result((reader, writer))

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    transport, _ = await loop.create_connection(lambda: Writer(resumed), *address)
    reader, writer = await accepted
    print(transport.get_write_buffer_limits())
    transport.write(bytes(16_000_000))
    print("written")
    transport.close()
    print(len(await reader.read()), resumed.done())
    writer.close()
    server.close()
    await server.wait_closed()


asyncio.run(main())
