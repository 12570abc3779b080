"""A barrier lets a party go on when it is complete, round after round."""

import asyncio


async def arrives(name, barrier, places):
    for number in range(2):
        print(name, "arrives", number)
        places.append(await barrier.wait())


async def main():
    barrier, places = asyncio.Barrier(3), []
    await asyncio.gather(*(arrives(name, barrier, places) for name in "abc"))
    print(*sorted(places))
    print(barrier.n_waiting, barrier.broken)


asyncio.run(main())
