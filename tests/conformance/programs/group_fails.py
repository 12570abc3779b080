"""The first failure cancels the other tasks and the block."""

import asyncio


async def hears(name):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print(name, "heard")
        await asyncio.sleep(0)
        print(name, "cleaned up")
        raise


async def fails(steps):
    for _ in range(steps):
        await asyncio.sleep(0)
    print("fails")
    raise ValueError("as asked")


async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(hears("a"))
            group.create_task(fails(2))
            await hears("block")
    except ExceptionGroup as error:
        print("group failed:", *error.exceptions)
    await asyncio.sleep(0)
    print("main goes on", asyncio.current_task().cancelling())


asyncio.run(main())
