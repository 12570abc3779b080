"""Of a descriptor that is ready for both, the reader runs before the writer, after what was ready."""

import asyncio
import socket

loop = asyncio.new_event_loop()
ours, theirs = socket.socketpair()
ours.setblocking(False)
theirs.send(b"x")


def read():
    print("read", len(ours.recv(10)))


def write():
    print("write")
    print(loop.remove_writer(ours), loop.remove_writer(ours), loop.remove_reader(ours))
    loop.stop()


loop.add_writer(ours, write)
loop.add_reader(ours, read)
loop.call_soon(print, "soon")
loop.run_forever()
loop.close()
ours.close()
theirs.close()
