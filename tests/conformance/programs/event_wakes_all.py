"""An event wakes all who wait, in their order, and lets who comes later pass at once."""

import asyncio


async def waits(name, event):
    print(name, "waits")
    await event.wait()
    print(name, "goes on")


async def main():
    event = asyncio.Event()
    tasks = [asyncio.create_task(waits(name, event)) for name in "ab"]
    await asyncio.sleep(0)
    event.set()
    print("set", event.is_set())
    await event.wait()
    print("main passed")
    event.clear()
    for task in tasks:
        await task
    print(event.is_set())


asyncio.run(main())
