"""What the same small program costs with each loop: crates, build, size, threads, descriptors, memory, lines.

The programs are `bench/footprint/*.rs`; a line `//: tokio = "1"` at the top of one is a dependency of its package, in which
`@` stands for the folder of evloop itself. Each is built alone, in a package and a target folder made for it.
"""

import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .contestants import BENCH
from .measure import heading, private_bytes, resident_bytes, row, server


def table(options):
    programs = sorted((BENCH / "footprint").glob("*.rs"))
    if options.only:
        programs = [program for program in programs if program.stem in options.only.split(",")]
    heading(
        "program", "crates", "build CPU s", "stripped bytes", "threads", "descriptors", "resident kB", "private kB", "lines"
    )
    for program in programs:
        with tempfile.TemporaryDirectory() as folder:
            row(program.stem, *built(program, Path(folder)), lines(program))


def built(program, package):
    """The figures that need the program built, and running."""
    text = program.read_text()
    dependencies = "\n".join(re.findall(r"^//: (.*)", text, re.M)).replace("@", str(BENCH.parent))
    manifest = f'[package]\nname = "small"\nedition = "2024"\n[dependencies]\n{dependencies}\n[workspace]\n'
    (package / "Cargo.toml").write_text(manifest)
    (package / "src").mkdir()
    (package / "src" / "main.rs").write_text(text)
    # The versions that the contestants are built with, as far as they have the crate.
    shutil.copy(BENCH / "Cargo.lock", package / "Cargo.lock")
    cargo(package, "fetch")
    tree = cargo(package, "tree", "-e", "normal", "--prefix", "none").splitlines()
    crates = {re.sub(r" \(.*", "", line) for line in tree[1:] if line}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cargo(package, "build", "--release")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    binary = package / "target" / "release" / "small"
    subprocess.run(["strip", binary], check=True)
    return len(crates), f"{seconds:.1f}", f"{binary.stat().st_size:,}", *running(binary)


def cargo(package, *words):
    environment = {key: value for key, value in os.environ.items() if key != "CARGO_TARGET_DIR"}
    result = subprocess.run(["cargo", *words], cwd=package, env=environment, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"cargo {words} failed: {result.stderr}")
    return result.stdout


def running(binary):
    """After three connections that exchanged 20 kB each and closed, and a second of idling. Descriptors are those beyond
    standard input, output and error and the listener."""
    with server(lambda port: [str(binary), str(port)]) as (port, pid):
        for _ in range(3):
            exchange(port)
        time.sleep(1)
        threads = len(os.listdir(f"/proc/{pid}/task"))
        descriptors = len(os.listdir(f"/proc/{pid}/fd")) - 4
        return threads, descriptors, resident_bytes(pid) // 1024, private_bytes(pid) // 1024


def exchange(port):
    with socket.create_connection(("127.0.0.1", port)) as peer:
        sent = os.urandom(20_000)
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        with peer.makefile("rb") as file:
            if file.read() != sent:
                sys.exit("the small program did not echo what it was sent")


def lines(program):
    """Lines that are neither blank nor comment."""
    return sum(1 for line in program.read_text().splitlines() if line.strip() and not line.strip().startswith("//"))
