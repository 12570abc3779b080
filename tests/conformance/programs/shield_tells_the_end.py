"""A shield gives what its task comes to, a cancel too."""

import asyncio


async def gives():
    await asyncio.sleep(0)
    return "value"


async def main():
    print(await asyncio.shield(asyncio.create_task(gives())))
    task = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        print("cancelled", task.cancelled())


asyncio.run(main())
