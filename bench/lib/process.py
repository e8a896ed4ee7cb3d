"""Processes pinned to a core, and what /proc says about them."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def free_port():
    """A port nobody listens on now. Every server here gets its own from this."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def spawn(core, command, log, env=None, **kwargs):
    """Starts `command` on one core, in a process group of its own, output to the file `log`."""
    with open(log, "ab") as out:
        return subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=kwargs.pop("stdout", out),
            stderr=out,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            **kwargs,
        )


def stop(child, seconds=5):
    """SIGTERM to the process, SIGKILL to its whole group if it is not gone in time."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    # Workers that outlive their master are of our own session, so this ends nobody else.
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def tree(pid):
    """The process and all its descendants that are alive."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            # The command's name is in parentheses and may hold anything; the rest has no ')'.
            parent = int(stat[stat.rindex(")") + 2 :].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        found.append(current)
        queue.extend(children.get(current, []))
    return found


def cpu_seconds(pids):
    """User and system time of the processes with all their threads, ended ones included."""
    ticks = 0
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2 :].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND


def resident_bytes(pids):
    """Resident memory of the processes, added up."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def wait_for(check, seconds, what, child=None, pause=0.02):
    """Repeats `check` until it is true; returns the seconds it took."""
    started = time.monotonic()
    while not check():
        if child is not None and child.poll() is not None:
            raise RuntimeError(f"{what}: the process ended with code {child.returncode}")
        if time.monotonic() - started > seconds:
            raise RuntimeError(f"{what}: not ready after {seconds} s")
        time.sleep(pause)
    return time.monotonic() - started
