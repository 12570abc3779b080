"""wait that runs out of time raises nothing and cancels nothing."""

import asyncio
async def nap(name, milliseconds):
    await asyncio.sleep(milliseconds / 1000)
    print(name, "ends")


async def main():
    tasks = [asyncio.create_task(nap("short", 1)), asyncio.create_task(nap("long", 80))]
    done, pending = await asyncio.wait(tasks, timeout=0.03)
    print(len(done), len(pending))
    await asyncio.wait(pending)


asyncio.run(main())
