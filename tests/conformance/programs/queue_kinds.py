"""The last put comes first, or the smallest."""

import asyncio


async def main():
    for kind in (asyncio.LifoQueue, asyncio.PriorityQueue):
        queue = kind()
        for number in (2, 3, 1):
            queue.put_nowait(number)
        print(*[queue.get_nowait() for _ in range(3)])


asyncio.run(main())
