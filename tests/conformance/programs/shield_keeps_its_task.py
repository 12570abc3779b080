"""Who waits behind a shield can be cancelled, and the task runs on."""

import asyncio


async def inner():
    for _ in range(5):
        await asyncio.sleep(0)
    print("inner ends")
    return 7


async def waits(task):
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        print("outer heard")
        raise


async def main():
    task = asyncio.create_task(inner())
    outer = asyncio.create_task(waits(task))
    await asyncio.sleep(0)
    outer.cancel()
    try:
        await outer
    except asyncio.CancelledError:
        print("outer ended", task.done())
    print(await task)


asyncio.run(main())
