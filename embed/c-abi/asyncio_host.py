"""asyncio and evloop in one thread: asyncio watches evloop's descriptor, and turns it.

    cargo build && python3 asyncio_host.py target/debug/libevloop_c.so
"""
import asyncio
import ctypes
import sys

lib = ctypes.CDLL(sys.argv[1])
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
lib.evloop_create.restype = ctypes.c_void_p
for function in (lib.evloop_fd, lib.evloop_close, lib.evloop_free):
    function.argtypes = [ctypes.c_void_p]
lib.evloop_run_once.argtypes = [ctypes.c_void_p, ctypes.c_int64]
lib.evloop_call_later.argtypes = [ctypes.c_void_p, ctypes.c_uint64, CALLBACK, ctypes.c_void_p]


def checked(code):
    if code < 0:
        raise RuntimeError(f"evloop says {code}")
    return code


async def main():
    inner = lib.evloop_create()
    outer = asyncio.get_running_loop()
    done = outer.create_future()
    ticks = []

    @CALLBACK
    def tick(_):
        ticks.append(len(ticks))
        print("evloop: tick", len(ticks))
        if len(ticks) == 3:
            done.set_result(None)
        else:
            checked(lib.evloop_call_later(inner, 2_000_000, tick, None))

    outer.add_reader(checked(lib.evloop_fd(inner)), lambda: checked(lib.evloop_run_once(inner, 0)))
    checked(lib.evloop_call_later(inner, 2_000_000, tick, None))
    for number in range(3):
        await asyncio.sleep(0)
        print("asyncio: step", number + 1)
    await done
    outer.remove_reader(lib.evloop_fd(inner))
    checked(lib.evloop_close(inner))
    print("closed:", lib.evloop_run_once(inner, 0))
    checked(lib.evloop_free(inner))


asyncio.run(main())
