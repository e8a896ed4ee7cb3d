"""The table, and whether targets were met."""

import os
import platform
from pathlib import Path

from scenarios import SCENARIOS


def machine():
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release()}


def verdict(scenario, results):
    """pointsman's figure against the target of the scenario; None if either was not measured."""
    figure = lambda name, of: results.get(name, {}).get(of, {}).get("median", {}).get("value")
    own, target = figure(scenario.name, "pointsman"), scenario.target
    if own is None or target is None:
        return None
    if target.limit is not None:
        base, allowed = target.limit, target.limit
    elif target.own:
        base = figure(target.own, "pointsman")
        allowed = base and base * target.ratio + target.plus
    else:
        peers = [figure(scenario.name, peer) for peer in target.of]
        # A peer that was left out may be the best one: then there is no verdict.
        base = None if None in peers else min(peers)
        allowed = base and base * target.ratio
    if not base:
        return None
    return {"ratio": own / base, "allowed": allowed, "figure": own, "met": own <= allowed, "target": target.text()}


def table(results, versions, failures):
    lines = ["", "  ".join(f"{name} {version}" for name, version in versions.items())]
    missed = []
    for scenario in SCENARIOS:
        if scenario.name not in results:
            continue
        lines += ["", f"{scenario.name}: {scenario.what} [{scenario.unit}]"]
        rows = sorted(results[scenario.name].items(), key=lambda row: row[1]["median"]["value"])
        best = rows[0][1]["median"]["value"]
        own = results[scenario.name].get("pointsman")
        for name, row in rows:
            m, rounds = row["median"], [r["value"] for r in row["rounds"]]
            text = f"  {name:<10} {m['value']:>9.2f}  ({min(rounds):.2f}..{max(rounds):.2f})"
            text += f"  {m['value'] / best:>5.2f} x best" if best > 0 else ""
            if own and name != "pointsman" and m["value"] > 0:
                text += f"  pointsman is {own['median']['value'] / m['value']:.2f} x this"
            if "requests_per_second" in m:
                text += f"  {m['requests_per_second']:>8.0f}/s  p50 {m['p50_us']:.0f} p99 {m['p99_us']:.0f} us"
                text += f"  core {m['busy'] * 100:.0f} %"
            if m["errors"]:
                text += f"  ERRORS {m['errors']}"
            lines.append(text)
        if scenario.target:
            result = verdict(scenario, results)
            if result is None:
                lines.append(f"  target {scenario.target.text()}: not judged (figures are missing)")
            else:
                word = "met" if result["met"] else "MISSED"
                lines.append(f"  target {result['target']}: {word} ({result['ratio']:.3f})")
                if not result["met"]:
                    missed.append(scenario.name)
    lines += [""] + [f"FAILED {failure}" for failure in failures]
    if missed:
        lines.append(f"targets missed: {', '.join(missed)}")
    return lines, missed
