"""A cancelled gather cancels its children."""

import asyncio
async def child(name):
    try:
        await asyncio.sleep(3600)
    finally:
        print(name, "ends")


async def main():
    async def gathers():
        await asyncio.gather(child("a"), child("b"))

    task = asyncio.create_task(gathers())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")


asyncio.run(main())
