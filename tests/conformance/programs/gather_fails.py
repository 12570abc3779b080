"""The first error ends a gather, and the others run on."""

import asyncio
async def nap(name, steps, fails):
    for _ in range(steps):
        await asyncio.sleep(0)
    print(name, "ends")
    if fails:
        raise RuntimeError(name)


async def main():
    try:
        await asyncio.gather(nap("a", 4, False), nap("b", 1, True), nap("c", 6, False))
    except RuntimeError as error:
        print("gather failed:", error)
    for _ in range(8):
        await asyncio.sleep(0)
    print("main ends")


asyncio.run(main())
