"""What is measured, and what the figure must reach.

A target compares pointsman's figure with the best of some peers in the same run (`of`), with its
own figure of another scenario (`own`), or with a limit (`limit`, in the figure's unit).
"""

import dataclasses
from typing import Callable, Optional

import load


@dataclasses.dataclass(frozen=True)
class Target:
    ratio: float = 1.0
    of: tuple = ()
    own: str = ""
    plus: float = 0.0
    limit: Optional[float] = None

    def text(self):
        if self.limit is not None:
            return f"<= {self.limit:g}"
        against = f"own {self.own}" if self.own else f"best of {', '.join(self.of)}"
        return f"<= {self.ratio:g} x {against}" + (f" + {self.plus:g}" if self.plus else "")


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    what: str
    target: Optional[Target] = None
    # Throughput scenarios: runs the load tool once against a proxy.
    drive: Optional[Callable] = None
    # Of a throughput scenario: the number of hosts, if it has its own routes.
    hosts: Optional[int] = None
    paths: tuple = ("/",)
    proxies: tuple = ("pointsman", "nginx", "haproxy", "envoy", "caddy")
    # Extra options of pointsman.
    extra: tuple = ()
    # `throughput`, or one of `idle`, `start`, `memory`, `change`.
    kind: str = "throughput"
    unit: str = "us CPU / request"
    connection: str = ""


ALL_PEERS = ("nginx", "haproxy", "envoy", "caddy")
PATHS = tuple(f"/p{i}" for i in range(10))


def over_wrk(path, connections, tls=False, **more):
    def drive(bench, proxy, seconds):
        scheme, port = ("https", proxy.websecure) if tls else ("http", proxy.web)
        return load.wrk(bench.load_core, f"{scheme}://localhost:{port}{path}", seconds, connections, **more)

    return drive


def over_h2(path, connections, streams):
    def drive(bench, proxy, seconds):
        url = f"https://localhost:{proxy.websecure}{path}"
        return load.h2load(bench.load_core, url, seconds, connections, streams, bench.scratch)

    return drive


def new_connections(bench, proxy, seconds):
    return load.new_connections(bench.load_core, proxy.websecure, seconds, 8)


SCENARIOS = [
    Scenario("h1", "HTTP/1.1, 100 B, 64 connections", Target(0.92, ("nginx", "haproxy")), over_wrk("/small", 64)),
    Scenario(
        "h1-tls", "HTTP/1.1 over TLS, 100 B, 64 connections", Target(0.88, ("nginx", "haproxy")),
        over_wrk("/small", 64, tls=True),
    ),
    Scenario(
        "h2-tls", "HTTP/2 over TLS, 100 B, 16 connections x 16 streams",
        Target(0.75, ("nginx", "haproxy", "envoy")), over_h2("/small", 16, 16),
    ),
    Scenario("tls-new", "a new TLS connection per request", Target(0.95, ("nginx",)), new_connections),
    Scenario("10k", "HTTP/1.1, 10 KiB, 64 connections", Target(0.95, ALL_PEERS), over_wrk("/10k", 64)),
    Scenario(
        "1m", "HTTP/1.1, 1 MiB, 16 connections (HAProxy splices)", Target(1.0, ("haproxy",)), over_wrk("/1m", 16)
    ),
    Scenario(
        "1m-tls", "HTTP/1.1 over TLS, 1 MiB, 16 connections", Target(0.95, ALL_PEERS), over_wrk("/1m", 16, tls=True)
    ),
    Scenario(
        "access-log", "h1 with an access log in JSON to a file",
        Target(own="h1", plus=1.0), over_wrk("/small", 64), proxies=("pointsman",),
        extra=("--accessLog.format=json", "--accessLog.filePath={folder}/access.log"),
    ),
    Scenario(
        "hosts-1", "h1 with the random requests of the next two, but one route", None,
        over_wrk("/", 64, hosts=1), proxies=("pointsman",),
    ),
    Scenario(
        "hosts-10k", "10 000 hosts, random", Target(1.03, own="hosts-1"), over_wrk("/", 64, hosts=10_000),
        hosts=10_000, proxies=("pointsman", "nginx", "haproxy", "envoy"),
    ),
    Scenario(
        "hosts-10k-paths", "10 000 hosts x 10 paths, random", Target(1.03, own="hosts-1"),
        over_wrk("/", 64, hosts=10_000, paths=10), hosts=10_000, paths=PATHS, proxies=("pointsman",),
    ),
    Scenario(
        "idle", "memory of an idle keep-alive connection", Target(limit=4), kind="idle", connection="plain",
        unit="KiB / connection",
    ),
    Scenario(
        "idle-tls", "the same over TLS", Target(limit=14), kind="idle", connection="tls", unit="KiB / connection"
    ),
    Scenario(
        "idle-h2", "the same over TLS with HTTP/2", Target(limit=24), kind="idle", connection="h2",
        unit="KiB / connection",
    ),
    Scenario(
        "start-10k", "start to first answer, 10 000 Ingresses in 10 000 files", Target(limit=1.5), kind="start",
        unit="s", hosts=10_000, proxies=("pointsman",),
    ),
    Scenario(
        "memory-5k", "resident, 5 000 Ingresses, 5 000 services, 10 000 endpoints", Target(limit=64),
        kind="memory", unit="MiB", hosts=5_000, proxies=("pointsman",),
    ),
    Scenario(
        "change-5k", "from a changed file to the new answer, 5 000 Ingresses", Target(limit=10), kind="change",
        unit="ms", hosts=5_000, proxies=("pointsman",),
    ),
]
