# `asyncio.coroutine` was removed in Python 3.11; tutorial_3_11.py is the same with `async def`.
import asyncio
import threading


@asyncio.coroutine
def a():
    for x in range(3):
        print('a.x', x)
        yield


@asyncio.coroutine
def b():
    for x in 'abc':
        print('b.x', x)
        yield


print(asyncio.iscoroutinefunction(a))
print(asyncio.iscoroutinefunction(b))

loop = asyncio.get_event_loop()
tasks = [a(), b()]
loop.run_until_complete(asyncio.wait(tasks))
loop.close()
