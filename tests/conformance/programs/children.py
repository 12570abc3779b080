"""A child is fed and read, and its end is known by its number or its signal."""

import asyncio


async def main():
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
    out, _ = await child.communicate(b"fed and read")
    print(out, child.returncode)
    child = await asyncio.create_subprocess_shell("exit 3")
    print(await child.wait())
    child = await asyncio.create_subprocess_exec("sleep", "60")
    child.kill()
    print(await child.wait(), child.returncode)


asyncio.run(main())
