"""Sleepers wake in the order of their deadlines."""

import asyncio
async def nap(name, milliseconds):
    await asyncio.sleep(milliseconds / 1000)
    print(name)


async def main():
    await asyncio.gather(nap("long", 9), nap("short", 3), nap("middle", 6))


asyncio.run(main())
