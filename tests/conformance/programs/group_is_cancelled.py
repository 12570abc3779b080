"""A task that is cancelled in a group ends when the group's tasks have."""

import asyncio


async def hears(name):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print(name, "heard")
        await asyncio.sleep(0)
        print(name, "cleaned up")
        raise


async def groups():
    async with asyncio.TaskGroup() as group:
        group.create_task(hears("a"))
    print("never")


async def main():
    task = asyncio.create_task(groups())
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", task.cancelled())


asyncio.run(main())
