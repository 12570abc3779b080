"""A group that fails inside a group is one failure of the outer one."""

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
        async with asyncio.TaskGroup() as outer:
            outer.create_task(hears("outer"))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(hears("inner"))
                inner.create_task(fails(2))
            print("never")
    except ExceptionGroup as error:
        [within] = error.exceptions
        print("failed:", *within.exceptions)


asyncio.run(main())
