"""Load tools: each function runs one on the load core and returns a `Load`."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


@dataclasses.dataclass
class Load:
    requests: int
    seconds: float
    errors: int
    p50_us: float
    p99_us: float


def run(core, command):
    done = subprocess.run(["taskset", "-c", str(core), *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with code {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def wrk(core, url, seconds, connections, hosts=0, paths=1):
    out = run(
        core,
        # The name in the URL is the TLS server name; the Host header goes without the port.
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", "Host: localhost"]
        + ["-s", HERE / "wrk.lua", url, "--", hosts, paths],
    )
    r = json.loads(re.search(r"^RESULT (.*)$", out, re.M)[1])
    return Load(r["requests"], r["micros"] / 1e6, r["errors"], r["p50_us"], r["p99_us"])


def h2load(core, url, seconds, connections, streams, scratch):
    # h2load prints no percentiles, but writes a line per request: start, status, microseconds.
    log = Path(scratch) / "h2load.log"
    log.unlink(missing_ok=True)
    out = run(core, ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-D{seconds}", f"--log-file={log}", url])
    count = lambda name: int(re.search(rf"^requests:.*?(\d+) {name}", out, re.M)[1])
    micros, bad = [], 0
    for line in log.read_text().splitlines():
        _, status, time = line.split("\t")
        micros.append(int(time))
        bad += status != "200"
    log.unlink()
    micros.sort()
    at = lambda share: micros[int(len(micros) * share)] if micros else 0
    errors = max(bad, count("failed") + count("errored") + count("timeout"))
    return Load(count("done"), seconds, errors, at(0.5), at(0.99))


def new_connections(core, port, seconds, threads):
    """wrk and h2load offer a session again when they reconnect, so they can't measure this."""
    out = run(core, [sys.executable, "-B", HERE / "new_connections.py", port, seconds, threads])
    return Load(**json.loads(out))
