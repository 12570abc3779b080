"""What blocks runs in a thread, and its value and its error come back."""

import asyncio
def blocks(fails):
    if fails:
        raise RuntimeError("as asked")
    return 7


async def main():
    print(await asyncio.to_thread(blocks, False))
    try:
        await asyncio.to_thread(blocks, True)
    except RuntimeError as error:
        print("failed:", error)
    print(await asyncio.get_running_loop().run_in_executor(None, blocks, False))


asyncio.run(main())
