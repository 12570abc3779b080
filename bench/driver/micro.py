"""The tables of the micro-benchmarks."""

import json
import os
import statistics
import subprocess
import sys

from .measure import (
    CALLGRIND,
    Missing,
    callgrind_instructions,
    each_able,
    heading,
    interleaved,
    on_core_0,
    ratio,
    row,
    scratch_file,
)

#: Round trips between threads are waiting, not work: their wall time is what counts.
BY_WALL = {"f", "fthr"}


def contestants(options):
    return [(peer.name, peer) for peer in options.peers if peer.micro]


def run(peer, case, scale, wrapper=()):
    """One run's JSON line."""
    environment = os.environ | {"RIG_SCALE": str(scale)}
    command = [*wrapper, *peer.command, "micro", case]
    result = subprocess.run(command, env=environment, preexec_fn=on_core_0, capture_output=True, text=True)
    if result.returncode == 2:
        raise Missing(command)
    if result.returncode:
        sys.exit(f"{command} ended with status {result.returncode}: {result.stderr}")
    return json.loads(result.stdout)


def times(options):
    """CPU time an operation (f and fthr: wall time), as ratios to tokio and to the floor."""
    names = [name for name, _ in contestants(options)]
    heading("case", *(f"{name} ns" for name in names), *(f"{name} × tokio" for name in names), "tokio × floor", "more")
    for case in options.cases.split(","):
        extras = {}

        def once(peer, case=case, extras=extras):
            line = run(peer, case, options.scale * peer.share)
            extras[peer.name] = {key: line[key] for key in ("bytes_per_task", "late_us") if key in line}
            return line["ns_per_op" if case in BY_WALL else "cpu_ns_per_op"]

        results = interleaved(contestants(options), options.rounds, once)
        medians = (f"{statistics.median(results[name]):.1f}" if name in results else "–" for name in names)
        ratios = (ratio(results, name, "tokio") for name in names)
        more = "; ".join(f"{name} {value}" for name, value in extras.items() if value)
        row(case, *medians, *ratios, ratio(results, "tokio", "floor"), more)


def instructions(options):
    """User instructions an operation: the difference between a long and a short run."""
    peers = [(name, peer) for name, peer in contestants(options) if peer.share == 1.0]
    heading("case", *(name for name, _ in peers))
    for case in options.cases.split(","):
        if case in BY_WALL:
            continue
        able = dict(each_able(peers, lambda peer, case=case: f"{counted(peer, case, options.scale):.0f}"))
        row(case, *(able.get(name, "–") for name, _ in peers))


def counted(peer, case, scale):
    totals = []
    for part in (0.01, 0.03):
        with scratch_file() as out:
            line = run(peer, case, scale * part, (*CALLGRIND, f"--callgrind-out-file={out}"))
            totals.append((callgrind_instructions(out.read_text()), line["ops"]))
    (less, few), (more, many) = totals
    return (more - less) / (many - few)
