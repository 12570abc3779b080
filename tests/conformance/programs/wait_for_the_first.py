"""wait returns at the first end and leaves the others alone."""

import asyncio
async def nap(steps):
    for _ in range(steps):
        await asyncio.sleep(0)
    print("ends", steps)


async def main():
    tasks = [asyncio.create_task(nap(steps)) for steps in (9, 1, 20)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(len(done), len(pending))
    done, pending = await asyncio.wait(pending)
    print(len(done), len(pending))


asyncio.run(main())
