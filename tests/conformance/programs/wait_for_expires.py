"""When time is up the task is cancelled, and its end awaited."""

import asyncio


async def hears():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("heard")
        await asyncio.sleep(0)
        print("cleaned up")
        raise


async def main():
    try:
        await asyncio.wait_for(asyncio.create_task(hears()), 0.002)
    except asyncio.TimeoutError:
        print("timed out")
    await asyncio.sleep(0)
    print("goes on")


asyncio.run(main())
