"""The tables of the echo and HTTP servers."""

import re
import shutil
import statistics
import subprocess
import sys
import time

from .measure import (
    CALLGRIND,
    callgrind_instructions,
    each_able,
    heading,
    held,
    interleaved,
    load,
    ratio,
    resident_bytes,
    row,
    scratch_file,
    server,
    strace_calls,
)


def echo_servers(options):
    return [pair for peer in options.peers for pair in peer.echo_servers()]


def http_servers(options):
    return [pair for peer in options.peers for pair in peer.http_servers()]


def count(options, base):
    return max(int(base * options.scale), 1)


def cpu_table(title, contestants, options, words):
    """CPU time of the server for one load, per operation."""
    if not contestants:
        return
    print(f"\n{title}\n")
    speeds = {}

    def once(arguments):
        with server(arguments) as (port, pid):
            line = load(port, pid, *words)
        speeds.setdefault(arguments, []).append(1e9 / line["ns_per_op"])
        return line["server_cpu_ns_per_op"]

    results = interleaved(contestants, options.rounds, once)
    # HTTP has no server of tokio's own: hyper is the one that runs on it.
    tokio = "hyper" if "hyper" in results else "tokio"
    heading("contestant", "CPU ns/op", "× floor", f"× {tokio}", "op/s")
    arguments_of = dict(contestants)
    for name in results:
        median = statistics.median(results[name])
        speed = statistics.median(speeds[arguments_of[name]])
        row(name, f"{median:.0f}", ratio(results, name, "floor"), ratio(results, name, tokio), f"{speed:.0f}")


def echo(options):
    for size in options.sizes:
        for connections in options.connections or [1, 64, 1000, 8000]:
            most = 20_000 if connections == 1 else 100_000 if size < 4096 else 40_000
            messages = max(count(options, most), connections)
            words = ("echo", connections, size, messages)
            cpu_table(f"echo, {size} B, connections: {connections}", echo_servers(options), options, words)


def connect(options):
    words = ("connect", 64, 64, count(options, 10_000))
    cpu_table("connect, one exchange of 64 B, close; 64 at a time", echo_servers(options), options, words)


def http(options):
    if not http_servers(options):
        return
    loads = [(connections, 1) for connections in options.connections or [1, 64, 512]] + [(64, 16)]
    for connections, depth in loads:
        requests = count(options, 20_000 if connections == 1 else 100_000 if depth == 1 else 400_000)
        title = f"GET /, connections: {connections}" + (f" × {depth} pipelined" if depth > 1 else "")
        words = ("http", connections, depth, requests, "/")
        cpu_table(title, http_servers(options), options, words)
        if options.wrk:
            wrk_table(title, connections, depth, options)


PIPELINE = """
init = function(args)
  local one = {}
  for i = 1, tonumber(args[1]) do one[i] = wrk.format("GET", "/") end
  all = table.concat(one)
end
request = function() return all end
"""


def wrk_table(title, connections, depth, options):
    """Requests a second as wrk counts them."""
    if not shutil.which("wrk"):
        return print("wrk is not installed", file=sys.stderr)
    print(f"\n{title}, wrk for {options.wrk} s\n")

    def once(arguments):
        with server(arguments) as (port, _), scratch_file() as script:
            script.write_text(PIPELINE)
            command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{options.wrk}s"]
            command += ["-s", script, f"http://127.0.0.1:{port}/", "--", str(depth)]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in text:
            sys.exit(f"wrk was answered with errors: {text}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])

    results = interleaved(http_servers(options), options.rounds, once)
    heading("contestant", "requests/s", "× floor", "× hyper")
    for name in results:
        median = statistics.median(results[name])
        row(name, f"{median:.0f}", ratio(results, name, "floor"), ratio(results, name, "hyper"))


def idle(options):
    """Resident memory that one more idle connection costs the server."""
    connections = (options.connections or [8000])[0]
    print(f"\nresident memory of an idle connection, of {connections} that exchanged once\n")
    heading("server", "bytes a connection", "resident with all, kB")
    for kind, contestants in [("echo", echo_servers(options)), ("http", http_servers(options))]:

        def once(arguments, kind=kind):
            with server(arguments) as (port, pid):
                with held(port, 1, kind):
                    before = resident_bytes(pid)
                with held(port, connections, kind):
                    return before, resident_bytes(pid)

        for name, (before, after) in each_able(contestants, once):
            row(f"{kind} {name}", f"{(after - before) / connections:.0f}", after // 1024)


def loads_to_count(options):
    """(title, contestants, words of a short run, words of a long run) for the figures that do not wobble."""
    few, many = count(options, 20), count(options, 120)
    for size in options.sizes if echo_servers(options) else ():
        for connections in (1, 64):
            title = f"echo, {size} B, connections: {connections}"
            words = (("echo", connections, size, rounds * connections) for rounds in (few, many))
            yield title, echo_servers(options), *words
    for connections, depth in ((1, 1), (64, 1), (64, 16)) if http_servers(options) else ():
        title = f"GET /, connections: {connections}" + (f" × {depth} pipelined" if depth > 1 else "")
        words = (("http", connections, depth, rounds * connections * depth, "/") for rounds in (few, many))
        yield title, http_servers(options), *words


def syscalls(options):
    """System calls an operation: the difference between a long and a short run, so that starting does not count."""
    for title, contestants, few, many in loads_to_count(options):
        print(f"\nsystem calls, {title}\n")
        heading("contestant", "calls/op", "which")
        ops = many[3] - few[3]

        def once(arguments, few=few, many=many):
            return [traced_calls(arguments, words) for words in (few, many)]

        for name, (less, more) in each_able(contestants, once):
            each = {call: (more[call] - less.get(call, 0)) / ops for call in more}
            which = sorted(((n, call) for call, n in each.items() if n >= 0.005), reverse=True)
            row(name, f"{sum(each.values()):.2f}", ", ".join(f"{call} {n:.2f}" for n, call in which))


def let_it_close():
    """Long enough for the server to see its connections closed, so that a short and a long run both count that."""
    time.sleep(0.5)


def traced_calls(arguments, words):
    with scratch_file() as out:
        with server(arguments, ("strace", "-c", "-f", "-o", str(out))) as (port, pid):
            load(port, pid, *words, paced=True)
            let_it_close()
        return strace_calls(out.read_text())


def instructions(options):
    """User instructions an operation, by callgrind, the same way."""
    for title, contestants, few, many in loads_to_count(options):
        print(f"\nuser instructions, {title}\n")
        heading("contestant", "instructions/op")
        # An interpreter's instructions say little, and callgrind takes minutes over them.
        compiled = [(name, arguments) for name, arguments in contestants if not name.startswith("asyncio")]

        def once(arguments, few=few, many=many):
            less, more = (counted_instructions(arguments, words) for words in (few, many))
            return (more - less) / (many[3] - few[3])

        for name, each in each_able(compiled, once):
            row(name, f"{each:.0f}")


def counted_instructions(arguments, words):
    with scratch_file() as out:
        with server(arguments, (*CALLGRIND, f"--callgrind-out-file={out}")) as (port, pid):
            load(port, pid, *words, paced=True)
            let_it_close()
        return callgrind_instructions(out.read_text())
