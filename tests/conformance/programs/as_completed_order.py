"""Results come in the order in which the tasks end."""

import asyncio


async def nap(steps):
    for _ in range(steps):
        await asyncio.sleep(0)
    print("ends", steps)
    return steps


async def main():
    tasks = [asyncio.create_task(nap(steps)) for steps in (9, 1, 4)]
    for result in asyncio.as_completed(tasks):
        print("given", await result)


asyncio.run(main())
