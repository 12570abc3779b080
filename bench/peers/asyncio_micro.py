"""The micro-benchmarks on asyncio; RIG_SCALE multiplies the counts."""

import asyncio
import os
import resource
import sys
import time
from collections import deque
from threading import Event, Thread


class Rng:
    """xorshift64 (13, 7, 17)."""

    def __init__(self):
        self.x = 88172645463325252

    def below(self, bound):
        x = self.x
        x ^= (x << 13) & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 7
        x ^= (x << 17) & 0xFFFFFFFFFFFFFFFF
        self.x = x
        return x % bound


def scaled(count):
    return max(int(count * float(os.environ.get("RIG_SCALE", "1"))), 1)


class Stopwatch:
    """Times from its making to `stop`."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter_ns(), time.process_time_ns()

    def stop(self, ops, **extra):
        wall, cpu = time.perf_counter_ns() - self.wall, time.process_time_ns() - self.cpu
        return {"ns_per_op": round(wall / ops, 2), "cpu_ns_per_op": round(cpu / ops, 2), "ops": ops, **extra}


async def spawn_and_join(wave):
    ops = scaled(1_000_000)

    async def task(i):
        return i

    watch, total, start = Stopwatch(), 0, 0
    while start < ops:
        end = min(start + wave, ops)
        for handle in [asyncio.create_task(task(i)) for i in range(start, end)]:
            total += await handle
        start = end
    outcome = watch.stop(ops)
    assert total == ops * (ops - 1) // 2
    return outcome


async def yields(tasks, each):
    async def task():
        for _ in range(each):
            await asyncio.sleep(0)

    watch = Stopwatch()
    for handle in [asyncio.create_task(task()) for _ in range(tasks)]:
        await handle
    return watch.stop(tasks * each)


async def callback_chains(count):
    each = max(scaled(1_000_000) // count, 1)
    loop = asyncio.get_running_loop()
    done, running = loop.create_future(), count

    def chain(left):
        nonlocal running
        if left > 1:
            loop.call_soon(chain, left - 1)
            return
        running -= 1
        if running == 0:
            done.set_result(None)

    watch = Stopwatch()
    for _ in range(count):
        loop.call_soon(chain, each)
    await done
    return watch.stop(count * each)


def deadlines(count, after, spread):
    start, rng = asyncio.get_running_loop().time() + after, Rng()
    return [start + rng.below(spread * 1_000_000_000) / 1e9 for _ in range(count)]


async def timers():
    """A future and a `call_at` for each: what `asyncio.sleep` is made of."""
    ops, loop = scaled(1_000_000), asyncio.get_running_loop()
    at = deadlines(ops, 2, 2)
    watch, sleeps = Stopwatch(), []
    for deadline in at:
        future = loop.create_future()
        sleeps.append((future, loop.call_at(deadline, future.set_result, None)))
    for i, (_, handle) in enumerate(sleeps):
        if i % 10:
            handle.cancel()
    for future, _ in sleeps[::10]:
        await future
    outcome = watch.stop(ops)
    outcome["ns_per_op"] = outcome["cpu_ns_per_op"]
    return outcome


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


async def sleeping_tasks():
    ops, loop = scaled(100_000), asyncio.get_running_loop()
    asleep, late = 0, 0.0

    async def task(at):
        nonlocal asleep, late
        asleep += 1
        await asyncio.sleep(at - loop.time())
        late += loop.time() - at

    at = deadlines(ops, 1, 1)
    resident, watch = resident_bytes(), Stopwatch()
    handles = [asyncio.create_task(task(deadline)) for deadline in at]
    while asleep < ops:
        await asyncio.sleep(0)
    grown = resident_bytes() - resident
    for handle in handles:
        await handle
    outcome = watch.stop(ops, bytes_per_task=round(grown / ops, 1), late_us=round(late / ops * 1e6, 1))
    outcome["ns_per_op"] = outcome["cpu_ns_per_op"]
    return outcome


def beside(work):
    """Runs `work` on a thread of its own on core 1."""

    def pinned():
        os.sched_setaffinity(0, {1 % os.cpu_count()})
        work()

    thread = Thread(target=pinned)
    thread.start()
    return thread


async def thread_round_trips():
    ops, loop = scaled(50_000), asyncio.get_running_loop()
    asked, answer = Event(), asyncio.Event()

    def work():
        for _ in range(ops):
            asked.wait()
            asked.clear()
            loop.call_soon_threadsafe(answer.set)

    thread, watch = beside(work), Stopwatch()
    for _ in range(ops):
        asked.set()
        await answer.wait()
        answer.clear()
    outcome = watch.stop(ops)
    thread.join()
    return outcome


async def wakes_from_a_thread():
    ops, loop = scaled(1_000_000), asyncio.get_running_loop()
    done, seen = loop.create_future(), 0

    def wake():
        nonlocal seen
        seen += 1
        if seen == ops:
            done.set_result(None)

    def work():
        for _ in range(ops):
            loop.call_soon_threadsafe(wake)

    watch = Stopwatch()
    thread = beside(work)
    await done
    outcome = watch.stop(ops)
    thread.join()
    return outcome


async def channel_ping_pong():
    ops = scaled(500_000)
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def pong():
        while (value := await there.get()) is not None:
            await back.put(value + 1)

    async def ping():
        for v in range(ops):
            await there.put(v)
            assert await back.get() == v + 1
        await there.put(None)

    watch = Stopwatch()
    await asyncio.gather(ping(), pong())
    return watch.stop(ops)


async def oneshot_replies():
    ops, loop, requests = scaled(500_000), asyncio.get_running_loop(), asyncio.Queue(1)

    async def server():
        while (request := await requests.get()) is not None:
            value, reply = request
            reply.set_result(value + 1)

    async def client():
        for v in range(ops):
            answer = loop.create_future()
            await requests.put((v, answer))
            assert await answer == v + 1
        await requests.put(None)

    watch = Stopwatch()
    await asyncio.gather(server(), client())
    return watch.stop(ops)


async def first_completed():
    ops, loop, pending = scaled(300_000), asyncio.get_running_loop(), 1000
    slots = [loop.create_future() for _ in range(pending)]
    where = {future: i for i, future in enumerate(slots)}

    async def complete_at_random():
        rng = Rng()
        for _ in range(ops):
            slot = rng.below(pending)
            while slots[slot].done():
                slot = rng.below(pending)
            slots[slot].set_result(slot)
            # A woken `wait` needs two turns: its waiter's callback, then its task.
            for _ in range(3):
                await asyncio.sleep(0)

    watch = Stopwatch()
    completer = asyncio.create_task(complete_at_random())
    taken, arrived = 0, deque()
    while taken < ops:
        done, _ = await asyncio.wait(where, return_when=asyncio.FIRST_COMPLETED)
        arrived.extend(done)
        while arrived:
            slot = where.pop(arrived.popleft())
            slots[slot] = loop.create_future()
            where[slots[slot]] = slot
            taken += 1
    await completer
    return watch.stop(ops)


CASES = {
    "a": lambda: spawn_and_join(1000),
    "a1": lambda: spawn_and_join(1),
    "abig": lambda: spawn_and_join(sys.maxsize),
    "b": lambda: yields(1000, scaled(1000)),
    "b1": lambda: yields(1, scaled(1_000_000)),
    "c": lambda: callback_chains(1),
    "c64": lambda: callback_chains(64),
    "d": timers,
    "e": sleeping_tasks,
    "f": thread_round_trips,
    "fthr": wakes_from_a_thread,
    "g": channel_ping_pong,
    "g1": oneshot_replies,
    "h": first_completed,
}
