"""Who takes part, and where their programs are."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", BENCH / "target")) / "release"
LOAD = RELEASE / "bench-load"


@dataclass(frozen=True)
class Peer:
    """A program with the common command line, and what it can do."""

    name: str
    command: tuple
    styles: tuple = ()
    http: bool = False
    micro: bool = False
    #: A slow contestant does this share of the counts; per operation it comes to the same.
    share: float = 1.0

    def echo_servers(self):
        """(name, arguments) of each style of its echo server."""
        for style in self.styles:
            name = self.name if len(self.styles) == 1 else f"{self.name} {style}"
            yield name, lambda port, style=style: [*self.command, "echo", str(port), style]

    def http_servers(self):
        if self.http:
            yield self.name, lambda port: [*self.command, "http", str(port)]


def rust(name, **abilities):
    return Peer(name, (str(RELEASE / f"bench-{name}"),), **abilities)


PEERS = [
    rust("floor", styles=("protocol",), http=True, micro=True),
    rust("queue", micro=True),
    rust("evloop", styles=("protocol", "streams"), http=True, micro=True),
    rust("tokio", styles=("streams",), micro=True),
    rust("smol", styles=("streams",), micro=True),
    rust("mio", styles=("protocol",)),
    rust("libuv", styles=("protocol",)),
    rust("hyper", http=True),
    Peer("nginx", (str(BENCH / "peers" / "nginx_peer.sh"),), http=bool(shutil.which("nginx"))),
    Peer(
        "asyncio",
        (sys.executable, str(BENCH / "peers" / "asyncio_peer.py")),
        styles=("protocol", "streams"),
        http=True,
        micro=True,
        share=0.1,
    ),
]


def built(only):
    """The peers whose program exists, or those of them that `only` names."""
    names = only.split(",") if only else [peer.name for peer in PEERS]
    unknown = set(names) - {peer.name for peer in PEERS}
    if unknown:
        sys.exit(f"no such contestant: {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in PEERS)}")
    return [peer for peer in PEERS if peer.name in names and Path(peer.command[0]).exists()]
