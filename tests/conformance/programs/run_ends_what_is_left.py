"""run() cancels what main leaves behind, and waits for it."""

import asyncio
async def child(name):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print(name, "heard")
        await asyncio.sleep(0)
        print(name, "cleaned up")
        raise


async def main():
    tasks = [asyncio.create_task(child(name)) for name in "a"]
    await asyncio.sleep(0)
    print("main ends", len(tasks))
    return "value"


print(asyncio.run(main()))
