"""The bench: see ../README.md."""

import argparse
import http.client
import json
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import manifests
import process
import proxies
import report
from scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "bench/out"
IDLE_CONNECTIONS = 2000


class Bench:
    """What all scenarios share: the cores, the backend, the certificate, the scratch folder."""

    proxy_core, load_core = 0, 1

    def __init__(self, binary, scratch):
        self.binary = binary
        self.scratch = Path(scratch)
        self.certificate, self.key = self.scratch / "site.crt", self.scratch / "site.key"
        subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
            f"-addext subjectAltName=DNS:localhost -keyout {self.key} -out {self.certificate}".split(),
            check=True,
            stderr=subprocess.DEVNULL,
        )
        self.backend = process.spawn(
            self.load_core,
            # Every address, for the second endpoint of the services scenario is 127.0.0.2.
            [ROOT / "target/release/bench-backend", "0.0.0.0:0"],
            self.scratch / "backend.log",
            stdout=subprocess.PIPE,
            text=True,
        )
        self.backend_port = int(self.backend.stdout.readline().rpartition(":")[2])

    def proxy(self, name, scenario, round_=0):
        folder = self.scratch / f"{scenario.name}-{name}-{round_}"
        if name == "pointsman":
            extra = [option.format(folder=folder) for option in scenario.extra]
            return proxies.Pointsman(self, folder, extra)
        return proxies.PEERS[name](self, folder)

    def start(self, name, scenario):
        proxy = self.proxy(name, scenario)
        try:
            if name == "pointsman" and scenario.hosts is not None:
                manifests.many_routes(proxy.manifests, self.backend_port, scenario.hosts, scenario.paths)
            proxy.start(scenario.hosts)
            verify(proxy, scenario)
        except Exception:
            proxy.stop()
            print((proxy.folder / "log").read_text()[-2000:], file=sys.stderr)
            raise
        return proxy


def verify(proxy, scenario):
    """A wrong answer is found before anything is measured."""
    host = manifests.host(scenario.hosts - 1) if scenario.hosts else "localhost"
    path = "" if scenario.paths == ("/",) else scenario.paths[-1]
    connections = [http.client.HTTPConnection("127.0.0.1", proxy.web, timeout=10)]
    if scenario.hosts is None:
        context = ssl._create_unverified_context()
        connections.append(http.client.HTTPSConnection("localhost", proxy.websecure, timeout=10, context=context))
    for connection, scheme in zip(connections, ("http", "https")):
        wanted = [("/small", 100), ("/10k", 10 * 1024), ("/1m", 1024 * 1024)] if not path else [(path, 100)]
        for path_, length in wanted:
            connection.request("GET", path_, headers={"Host": host})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or len(body) != length:
                raise RuntimeError(f"{proxy.name}: GET {path_} of {host}: {answer.status}, {len(body)} bytes")
        if not path:
            connection.request("GET", "/headers", headers={"Host": host})
            seen = connection.getresponse().read().decode().lower()
            for header in ("x-forwarded-for: ", f"x-forwarded-proto: {scheme}", f"host: {host}"):
                if header not in seen:
                    raise RuntimeError(f"{proxy.name}: the backend was not sent `{header}`, but:\n{seen}")
        connection.close()


def throughput(bench, scenario, names, rounds, seconds, warm_up, note):
    running, results = {}, {name: [] for name in names}
    try:
        for name in names:
            note(f"{scenario.name}: starting {name}")
            running[name] = bench.start(name, scenario)
        order = list(names)
        for round_ in range(rounds):
            for name in order:
                proxy = running[name]
                scenario.drive(bench, proxy, warm_up)
                before, began = proxy.cpu(), time.monotonic()
                load = scenario.drive(bench, proxy, seconds)
                cpu, wall = proxy.cpu() - before, time.monotonic() - began
                results[name].append(
                    {
                        "value": cpu * 1e6 / max(load.requests, 1),
                        "requests_per_second": load.requests / load.seconds,
                        "p50_us": load.p50_us,
                        "p99_us": load.p99_us,
                        "errors": load.errors,
                        "busy": cpu / wall,
                        "memory_mib": proxy.memory() / 2**20,
                    }
                )
                note(f"{scenario.name} {round_ + 1}/{rounds}: {name} {results[name][-1]['value']:.1f} {scenario.unit}")
            # Nobody always follows the same neighbour.
            order = order[1:] + order[:1]
    finally:
        for proxy in running.values():
            proxy.stop()
    return results


def idle(bench, scenario, names, rounds, note):
    results = {name: [] for name in names}
    for round_ in range(rounds):
        for name in names:
            proxy = bench.start(name, scenario)
            try:
                port = proxy.web if scenario.connection == "plain" else proxy.websecure
                command = [sys.executable, "-B", Path(__file__).with_name("idle.py"), scenario.connection, port]
                # What the first connections of a process cost once (pools, arenas) isn't counted.
                with opened(bench, command, 50):
                    before = proxy.memory()
                    with opened(bench, command, IDLE_CONNECTIONS):
                        after = proxy.memory()
                kib = (after - before) / 1024 / IDLE_CONNECTIONS
                results[name].append({"value": kib, "errors": 0})
                note(f"{scenario.name} {round_ + 1}/{rounds}: {name} {kib:.1f} {scenario.unit}")
            finally:
                proxy.stop()
    return results


class opened:
    """Idle connections, as long as the block lasts."""

    def __init__(self, bench, command, count):
        self.child = subprocess.Popen(
            ["taskset", "-c", str(bench.load_core), *map(str, command), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        if self.child.stdout.readline() != "open\n":
            raise RuntimeError("the idle connections could not be opened, see above")

    def __exit__(self, *_):
        self.child.communicate()


def start(bench, scenario, rounds, note):
    """From the process's start to the first answer for the last host."""
    results = []
    folder = bench.scratch / "start-manifests"
    manifests.many_routes(folder, bench.backend_port, scenario.hosts)
    for round_ in range(rounds):
        proxy = bench.proxy("pointsman", scenario, round_)
        proxy.manifests = folder
        command = proxy.command(scenario.hosts)
        began = time.monotonic()
        try:
            proxy.launch(command)
            last = manifests.host(scenario.hosts - 1)
            process.wait_for(
                lambda: proxies.answers(proxy.web, last, "/"), 120, "first answer", proxy.child, pause=0.002
            )
            seconds = time.monotonic() - began
            results.append({"value": seconds, "errors": 0, "memory_mib": proxy.memory() / 2**20})
            note(f"{scenario.name} {round_ + 1}/{rounds}: {seconds:.2f} s")
        finally:
            proxy.stop()
    return {"pointsman": results}


def services(bench, scenario, rounds, note):
    """`memory`: resident memory once every route has been used. `change`: one changed file."""
    results = []
    folder = bench.scratch / "services-manifests"
    if not folder.exists():
        manifests.many_services(folder, bench.backend_port, scenario.hosts)
    for round_ in range(rounds):
        proxy = bench.proxy("pointsman", scenario, round_)
        proxy.manifests = folder
        proxy.launch(proxy.command(scenario.hosts))
        try:
            last = manifests.host(scenario.hosts - 1)
            process.wait_for(lambda: proxies.answers(proxy.web, last, "/"), 120, "first answer", proxy.child)
            if scenario.kind == "memory":
                for i in range(0, scenario.hosts, 10):
                    if not proxies.answers(proxy.web, manifests.host(i), "/"):
                        raise RuntimeError(f"{manifests.host(i)} is not served")
                # Long enough for an allocator to give back what only the start needed.
                time.sleep(3)
                results.append({"value": proxy.memory() / 2**20, "errors": 0})
            else:
                results.append({"value": change(bench, proxy, folder, round_), "errors": 0})
            note(f"{scenario.name} {round_ + 1}/{rounds}: {results[-1]['value']:.1f} {scenario.unit}")
        finally:
            proxy.stop()
    return {"pointsman": results}


def change(bench, proxy, folder, round_):
    """Median over 20 files, each given one host more by one rename."""
    times = []
    for i in range(20):
        path, host = folder / f"app-{i}.yaml", f"changed-{round_}-{i}.bench.example"
        text = path.read_text() + "---\n" + manifests.ingress(f"changed-{i}", host, f"web-{i}")
        # A name that the provider doesn't read, so that the rename is the change.
        fresh = folder / ".fresh.tmp"
        fresh.write_text(text)
        began = time.monotonic()
        os.replace(fresh, path)
        process.wait_for(lambda: proxies.answers(proxy.web, host, "/"), 30, "changed route", proxy.child, pause=0.0005)
        times.append((time.monotonic() - began) * 1e3)
    return statistics.median(times)


def summary(rounds):
    """The round with the median figure stands for all, but errors are added up."""
    ordered = sorted(rounds, key=lambda r: r["value"])
    middle = dict(ordered[(len(ordered) - 1) // 2])
    middle["value"] = statistics.median(r["value"] for r in rounds)
    middle["errors"] = sum(r["errors"] for r in rounds)
    return {"median": middle, "rounds": rounds}


def arguments():
    names = [s.name for s in SCENARIOS]
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures pointsman against other proxies.")
    listed = lambda text: [part for part in text.split(",") if part]
    parser.add_argument("--proxies", type=listed, default=list(proxies.ALL), help=f"of {','.join(proxies.ALL)}")
    parser.add_argument("--scenarios", type=listed, default=names, help=f"of {','.join(names)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, help="of each measured round")
    parser.add_argument("--quick", action="store_true", help="1 round of 3 s: shows that it works, measures nothing")
    parser.add_argument("--binary", type=Path, help="a pointsman built elsewhere (default: build target/release)")
    parser.add_argument("--strict", action="store_true", help="exit with code 1 if a target is missed")
    parser.add_argument("--keep", action="store_true", help="keep the scratch folder with configurations and logs")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = 1, 3
    for given, known in ((args.proxies, list(proxies.ALL)), (args.scenarios, names)):
        for name in given:
            if name not in known:
                parser.error(f"unknown: {name} (known: {', '.join(known)})")
    return args


def build(args):
    cargo = ["cargo", "build", "--release", "--quiet", "--manifest-path", ROOT / "Cargo.toml"]
    subprocess.run(
        [*cargo, "-p", "pointsman-testkit", "--no-default-features", "--bin", "bench-backend"], check=True
    )
    if "pointsman" in args.proxies and args.binary is None:
        subprocess.run([*cargo, "-p", "pointsman"], check=True)
        args.binary = ROOT / "target/release/pointsman"


def main():
    args = arguments()
    OUT.mkdir(exist_ok=True)
    proxies.install(args.proxies, OUT)
    build(args)
    if os.cpu_count() < 2:
        sys.exit("the bench needs two cores: one for the proxy, one for load and backend")
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"warning: load average is {busy:.1f}; figures mean something only on a quiet machine", file=sys.stderr)

    note = lambda text: print(f"  {text}", file=sys.stderr, flush=True)
    scratch = tempfile.mkdtemp(prefix="pointsman-bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    # Workers that give up root must reach their own files.
    os.chmod(scratch, 0o755)
    bench, results, failures = Bench(args.binary and args.binary.resolve(), scratch), {}, []
    try:
        for scenario in (s for s in SCENARIOS if s.name in args.scenarios):
            names = [n for n in args.proxies if n in scenario.proxies]
            if not names:
                continue
            try:
                if scenario.kind == "throughput":
                    warm_up = 1 if args.quick else 2
                    found = throughput(bench, scenario, names, args.rounds, args.seconds, warm_up, note)
                elif scenario.kind == "idle":
                    found = idle(bench, scenario, names, args.rounds, note)
                elif scenario.kind == "start":
                    found = start(bench, scenario, args.rounds, note)
                else:
                    found = services(bench, scenario, args.rounds, note)
                results[scenario.name] = {name: summary(rounds) for name, rounds in found.items()}
            except Exception as error:
                # The other scenarios still tell something; the run as a whole has failed.
                if not isinstance(error, RuntimeError):
                    traceback.print_exc()
                failures.append(f"{scenario.name}: {error}")
    finally:
        process.stop(bench.backend)
        if args.keep:
            print(f"kept {scratch}")
        else:
            shutil.rmtree(scratch)

    versions = {name: proxies.ALL[name].version() for name in args.proxies}
    lines, missed = report.table(results, versions, failures)
    print("\n".join(lines))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = OUT / f"bench-{stamp}.json"
    details = {"time": stamp, "versions": versions, "rounds": args.rounds, "seconds": args.seconds}
    details |= {"load_average": busy, "machine": report.machine(), "results": results, "failures": failures}
    details["targets"] = {s.name: report.verdict(s, results) for s in SCENARIOS if s.target}
    path.write_text(json.dumps(details, indent=1) + "\n")
    print(f"\nwritten: {path.relative_to(ROOT)}")
    wrong = any(p["median"]["errors"] for r in results.values() for p in r.values())
    sys.exit(2 if failures or wrong else int(args.strict and bool(missed)))


if __name__ == "__main__":
    main()
