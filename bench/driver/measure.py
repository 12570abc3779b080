"""Starting, loading, watching and stopping programs; medians of same-round ratios."""

import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .contestants import LOAD


class Missing(Exception):
    """A contestant ended with status 2: it has not what it was asked for, and is passed over."""


def on_core_0():
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {0})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(arguments, wrapper=()):
    """Runs `arguments(port)` on core 0, under `wrapper` if any, until the block ends; gives (port, pid of the server)."""
    port = free_port()
    process = subprocess.Popen([*wrapper, *arguments(port)], preexec_fn=on_core_0, stdout=subprocess.DEVNULL)
    try:
        wait_until_it_listens(process, port)
        yield port, child(process.pid) if "strace" in wrapper else process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child(process.pid) if "strace" in wrapper else process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            sys.exit(f"{arguments(port)} did not end on SIGTERM within 30 s")


def child(pid):
    """The program that strace runs; strace itself when it has ended."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(text[0]) if text else pid


def wait_until_it_listens(process, port):
    for _ in range(600):
        if process.poll() == 2:
            raise Missing(process.args)
        if process.poll() is not None:
            sys.exit(f"{process.args} ended with status {process.returncode} before it listened")
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    sys.exit(f"{process.args} does not listen on {port}")


def load(port, pid, *words, paced=False):
    """One run of the load generator; its JSON line."""
    kind, *rest = map(str, words)
    environment = os.environ | {"SERVER_PID": str(pid)} | ({"PACE_MS": "2"} if paced else {})
    result = subprocess.run([LOAD, kind, str(port), *rest], env=environment, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"load {words}: {result.stderr}")
    return json.loads(result.stdout)


@contextlib.contextmanager
def held(port, connections, kind):
    """Connections that have exchanged once and stay open while the block runs."""
    command = [LOAD, "idle", str(port), str(connections), kind]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if holder.stdout.readline() != "holding\n":
        sys.exit(f"{command} could not open its connections")
    try:
        yield
    finally:
        holder.communicate()


def resident_bytes(pid):
    return int(re.search(r"^Rss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) * 1024


def private_bytes(pid):
    sizes = re.findall(r"^Private_\w+:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    return sum(map(int, sizes)) * 1024


@contextlib.contextmanager
def scratch_file():
    """A path that may be written by a wrapper and is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "out"


def strace_calls(text):
    """{system call: count} from what `strace -c` wrote."""
    rows = (line.split() for line in text.splitlines())
    return {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit() and row[-1] != "total"}


def callgrind_instructions(text):
    """The total of a callgrind file."""
    return int(re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1])


CALLGRIND = ("valgrind", "--quiet", "--tool=callgrind", "--trace-children=no")


def interleaved(contestants, rounds, once):
    """{name: [once(contestant) of each round]}: A B C, B C A, C A B, … so that no one always runs after the same other."""
    results = {name: [] for name, _ in contestants}
    for number in range(rounds):
        turn = number % len(contestants)
        for name, contestant in contestants[turn:] + contestants[:turn]:
            if name in results:
                try:
                    results[name].append(once(contestant))
                    print(f"  round {number + 1}/{rounds} {name}: {results[name][-1]}", file=sys.stderr)
                except Missing:
                    del results[name]
    return results


def each_able(contestants, once):
    """(name, once(contestant)) of those that have what is asked for."""
    for name, contestant in contestants:
        with contextlib.suppress(Missing):
            yield name, once(contestant)


def ratio(results, name, base):
    """The median of same-round ratios, as text; a dash where there is nothing to compare with."""
    if base not in results or name not in results:
        return "–"
    return f"{statistics.median(one / other for one, other in zip(results[name], results[base])):.2f}"


def row(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def heading(*cells):
    row(*cells)
    row(*["---"] * len(cells))
