"""A cancel is heard at the await, in the next turn, and may be followed by awaits."""

import asyncio
async def child():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("heard")
        await asyncio.sleep(0)
        print("cleaned up")
        raise


async def main():
    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    print(task.cancel(), task.done())
    print("asked")
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", task.cancelled())


asyncio.run(main())
