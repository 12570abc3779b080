"""A reader that is removed does not run, though its event has come."""

import asyncio
import socket

loop = asyncio.new_event_loop()
pairs = [socket.socketpair() for _ in range(2)]
for ours, theirs in pairs:
    theirs.send(b"x")


def reader(mine, other):
    print("read; the other was watched:", loop.remove_reader(pairs[other][0]))
    loop.remove_reader(pairs[mine][0])


loop.add_reader(pairs[0][0], reader, 0, 1)
loop.add_reader(pairs[1][0], reader, 1, 0)
loop.call_later(0.01, loop.stop)
loop.run_forever()
loop.close()
for pair in pairs:
    for end in pair:
        end.close()
