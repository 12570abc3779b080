"""A block that fails cancels the tasks, and its error comes out as theirs would."""

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
            await fails(2)
    except ExceptionGroup as error:
        print("group failed:", *error.exceptions)


asyncio.run(main())
