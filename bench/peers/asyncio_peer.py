#!/usr/bin/env python3
"""Python's asyncio behind the command line that all contestants share; HTTP by aiohttp. RIG_SCALE multiplies the counts.

    echo PORT [protocol|streams]     http PORT     micro CASE
"""

import asyncio
import json
import resource
import socket
import sys

from asyncio_micro import CASES


def listener(port):
    sock = socket.create_server(("127.0.0.1", port), backlog=4096)
    sock.setblocking(False)
    return sock


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def echo_protocol(port):
    server = await asyncio.get_running_loop().create_server(Echo, sock=listener(port), backlog=4096)
    await server.serve_forever()


async def echo_streams(port):
    async def serve(reader, writer):
        try:
            while data := await reader.read(16384):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # the peer has gone
        finally:
            writer.close()

    server = await asyncio.start_server(serve, sock=listener(port), backlog=4096)
    await server.serve_forever()


async def http(port):
    from aiohttp import web

    async def hello(_):
        return web.Response(text="Hello, World!")

    async def by_id(request):
        return web.Response(text=f"id={request.match_info['id']}")

    app = web.Application()
    app.router.add_get("/", hello)
    app.router.add_get("/{id}", by_id)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener(port), backlog=4096).start()
    await asyncio.Event().wait()


def main(words):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    match words:
        case ["echo", port] | ["echo", port, "protocol"]:
            asyncio.run(echo_protocol(int(port)))
        case ["echo", port, "streams"]:
            asyncio.run(echo_streams(int(port)))
        case ["http", port]:
            asyncio.run(http(int(port)))
        case ["micro", case] if case in CASES:
            print(json.dumps({"bench": case, **asyncio.run(CASES[case]())}))
        case _:
            print(f"usage: echo PORT [protocol|streams] | http PORT | micro CASE; asked for {words}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
