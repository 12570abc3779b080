"""Of two timeouts the one that expires is the one that reports."""

import asyncio
async def main():
    try:
        async with asyncio.timeout(60):
            try:
                async with asyncio.timeout(0.002):
                    await asyncio.sleep(3600)
            except TimeoutError:
                print("inner")
            await asyncio.sleep(0)
            print("outer goes on")
    except TimeoutError:
        print("outer")
    try:
        async with asyncio.timeout(0.002):
            try:
                async with asyncio.timeout(60):
                    await asyncio.sleep(3600)
            except TimeoutError:
                print("inner")
    except TimeoutError:
        print("outer")


asyncio.run(main())
