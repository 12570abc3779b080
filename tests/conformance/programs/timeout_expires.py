"""What a timeout cuts short ends first; its caller is told with a TimeoutError."""

import asyncio
async def child():
    try:
        await asyncio.sleep(3600)
    finally:
        print("cut short")


async def main():
    try:
        async with asyncio.timeout(0.002):
            await child()
    except TimeoutError:
        print("timed out")
    async with asyncio.timeout(60):
        print("in time")
    await asyncio.sleep(0)
    print("goes on", asyncio.current_task().cancelling())


asyncio.run(main())
