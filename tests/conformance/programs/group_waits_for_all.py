"""A group ends when its block and all its tasks have."""

import asyncio


async def child(name, steps):
    for _ in range(steps):
        await asyncio.sleep(0)
    print(name, "ends")
    return name


async def main():
    async with asyncio.TaskGroup() as group:
        a = group.create_task(child("a", 4))
        b = group.create_task(child("b", 1))
        print("block ends")
    print("group ended", await a, await b)


asyncio.run(main())
