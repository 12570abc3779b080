"""A queue of one place: putters and getters take turns, first in, first out."""

import asyncio


async def puts(queue):
    for number in range(3):
        await queue.put(number)
        print("put", number)


async def gets(queue):
    for _ in range(3):
        print("got", await queue.get())
        queue.task_done()


async def main():
    queue = asyncio.Queue(1)
    task = asyncio.create_task(puts(queue))
    await asyncio.sleep(0)
    print(queue.full(), queue.qsize())
    other = asyncio.create_task(gets(queue))
    await task
    await other
    await queue.join()
    print(queue.empty())


asyncio.run(main())
