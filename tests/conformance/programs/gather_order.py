"""gather gives values in the order of its arguments, whatever order they end in."""

import asyncio
async def nap(milliseconds):
    await asyncio.sleep(milliseconds / 1000)
    print("ends", milliseconds)
    return milliseconds


async def main():
    print(await asyncio.gather(nap(9), nap(3), nap(6)))


asyncio.run(main())
