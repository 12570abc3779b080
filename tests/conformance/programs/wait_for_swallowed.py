"""A task that comes to a value while it is being cancelled gives it."""

import asyncio


async def swallows():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("swallowed")
    await asyncio.sleep(0)
    return "value"


async def main():
    print(await asyncio.wait_for(asyncio.create_task(swallows()), 0.002))


asyncio.run(main())
