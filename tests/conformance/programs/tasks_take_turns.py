"""sleep(0) gives every other task one step."""

import asyncio
async def counts(name):
    for number in range(3):
        print(name, number)
        await asyncio.sleep(0)


async def main():
    await asyncio.gather(counts("a"), counts("b"), counts("c"))


asyncio.run(main())
