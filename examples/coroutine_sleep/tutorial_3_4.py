# The tutorial's first form, of Python 3.4; `asyncio.coroutine` was removed in 3.11.
import asyncio


@asyncio.coroutine
def sleep(x):
    for i in range(3):
        print('sleep {}'.format(i))
        yield from asyncio.sleep(x)


loop = asyncio.get_event_loop()
loop.run_until_complete(sleep(3))
loop.close()
