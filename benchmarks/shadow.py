"""What each part of the policy `shadow` buys, and what is left: the tables of docs/shadow.md.

Each variant runs in a process of its own, where one part of the policy is changed before it is compiled.
The figures are allowable throughput in shares of capacity, at the usual effort, and their mean over the
nine reference pools of five models. `--write` puts the tables into docs/shadow.md.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import kairos_cli.policies
from shared import print_table, shipped_table

POLICIES = Path(kairos_cli.policies.__file__).parent
PAGE = Path(__file__).parent.parent / "docs" / "shadow.md"
#: Instances of g4dn.xlarge, c5n.2xlarge, r5n.large, t3.xlarge. The last two pools have noisy machines.
POOLS = [
    ("rm2", (1, 0, 13, 0)),
    ("ncf", (1, 0, 13, 0)),
    ("ncf", (2, 0, 9, 0)),
    ("wnd", (1, 0, 13, 0)),
    ("wnd", (2, 0, 9, 0)),
    ("mtwnd", (2, 0, 9, 0)),
    ("mtwnd", (3, 0, 6, 0)),
    ("dien", (2, 0, 9, 0)),
    ("dien", (3, 0, 6, 0)),
    ("mtwnd", (2, 0, 7, 2)),
    ("dien", (2, 0, 7, 2)),
]
REFERENCE = 9

#: Each variant by what is changed: edits of the text of policies/shadow.py and policies/state.py.
VARIANTS: dict[str, list[tuple[str, str]]] = {
    "shadow": [],
    "without shadow prices: speed relative to the base": [
        ("(rate_qps if shadow_price is None else shadow_price)", "largest_ms[base] / largest_ms * rate_qps[base]")
    ],
    "without the reserve of 5 %": [("_RESERVE = 1.05", "_RESERVE = 1.0")],
    "without quantiles: means": [
        ("        np.ascontiguousarray(table.quantile_ms),\n        table.level,",
         "        np.stack([mean_ms, mean_ms], axis=-1),\n        np.array([0.0, 1.0]),"),
    ],
    "without waiting, but for a busy instance": [("WAIT, HURRY = 1.0, 4.0", "WAIT, HURRY = 1000.0, 0.0")],
    "without hurry": [("WAIT, HURRY = 1.0, 4.0", "WAIT, HURRY = 3.0, 0.0")],
    "without delay": [("DELAY, DELAY_MERGED = 0.2", "DELAY, DELAY_MERGED = 0.0")],
    "without lightness": [("_LIGHT = 0.99, -0.2", "_LIGHT = 0.99, 0.0")],
    "without sacrifice": [("    _give_up(sizes, spare_ms, pool, service)\n", "")],
    "without late queries last": [
        ("start = first + np.searchsorted(", "start = first + 0 * np.searchsorted("),
        ("in_time = left_ms >= service.fastest_ms[size]", "in_time = left_ms > -1e300"),
        ("left_ms - service.fastest_ms[size] if in_time", "max(left_ms - service.fastest_ms[size], 0.0) if in_time"),
    ],
    "one window for all types, the 32 earliest": [
        ("min(SOME_QUERIES + 3 * (pool.first[kind + 1] - pool.first[kind]), MOST_QUERIES)", "MOST_QUERIES"),
        ("places_left[cheapest] -= in_time", "places_left -= 1 * in_time"),
    ],
    "first after 10 targets": [("LONGEST_TARGETS, RESERVED = 50.0", "LONGEST_TARGETS, RESERVED = 10.0")],
    "first after 25 targets": [("LONGEST_TARGETS, RESERVED = 50.0", "LONGEST_TARGETS, RESERVED = 25.0")],
    "never first": [("LONGEST_TARGETS, RESERVED = 50.0", "LONGEST_TARGETS, RESERVED = 1e9")],
    "late 3": [("_LATE, _LATE_REGRETS = 6.0", "_LATE, _LATE_REGRETS = 3.0")],
    "late 12": [("_LATE, _LATE_REGRETS = 6.0", "_LATE, _LATE_REGRETS = 12.0")],
    "waiting half as dear": [("WAIT, HURRY = 1.0, 4.0", "WAIT, HURRY = 0.5, 2.0")],
    "waiting twice as dear": [("WAIT, HURRY = 1.0, 4.0", "WAIT, HURRY = 2.0, 8.0")],
    "delay 1": [("DELAY, DELAY_MERGED = 0.2", "DELAY, DELAY_MERGED = 1.0")],
    "lightness -0.5": [("_LIGHT = 0.99, -0.2", "_LIGHT = 0.99, -0.5")],
    "8 instances of a type": [("SOME_QUERIES = 32, 16", "SOME_QUERIES = 32, 8")],
    "32 queries of a type in small pools too": [("SOME_QUERIES = 32, 16, 8", "SOME_QUERIES = 32, 16, 32")],
    "tried: prices with room for queues": [
        ("(rate_qps if shadow_price is None else shadow_price)",
         "(rate_qps if shadow_price is None else shadow_price / (1 - 0.25 / np.sqrt(np.maximum(counts, 1))))")
    ],
    "tried: idle instances dearer by the arrivals that need them": [
        ("            if spare_ms[row] >= 0:\n                pair",
         "            if rest_ms == 0:\n                pair += service.needed[kind] * service.mean_ms[kind, size]\n"
         "            if spare_ms[row] >= 0:\n                pair"),
        ("    parts: Ints\n", "    parts: Ints\n    needed: Floats\n"),
        ("        _parts(table, high_ms, worth.argmin(axis=0)),\n",
         "        _parts(table, high_ms, worth.argmin(axis=0)),\n"
         "        _needed(table, counts, shadow_price, in_time),\n"),
        ("def _high_ms(",
         "def _needed(table, counts, shadow_price, in_time):\n"
         "    if shadow_price is None:\n        return np.zeros(len(in_time))\n"
         "    alone = in_time & (in_time.sum(axis=0) == 1)\n"
         "    return (alone @ table.probability) * (shadow_price @ counts) / 1000 / np.maximum(counts, 1) * 0.3\n\n\n"
         "def _high_ms("),
    ],
    "tried: look-ahead to the next completion of each instance": [
        ("    cost = np.empty((len(queries), len(instances)))",
         "    real = len(instances)\n    instances = np.append(instances, instances)\n"
         "    cost = np.empty((len(queries), len(instances)))"),
        ("            pair = service.time_price",
         "            if column >= real:\n                rest_ms += 1000 / service.rate_qps[kind]\n"
         "            pair = service.time_price"),
        ("    for column in range(len(instances)):\n        if matched[column] >= 0",
         "    for column in range(real):\n        if matched[column] >= 0"),
    ],
    "tried: late queries leave two instances idle": [
        ("            cost[row, column] =",
         "            if spare_ms[row] < 0 and idle <= 2:\n                pair += 0.1\n"
         "            cost[row, column] ="),
    ],
}  # fmt: skip


def main() -> None:
    for edits in VARIANTS.values():
        _edited(edits)
    rows = [("share of capacity", *(f"{model} {'-'.join(map(str, pool))}" for model, pool in POOLS), "mean of nine")]
    published = _shares("kairos", [])
    rows.append(("kairos (published)", *_cells(published)))
    shares = {name: _shares("shadow", change) for name, change in VARIANTS.items()}
    rows += [(name, *_cells(each)) for name, each in shares.items()]
    print_table(rows)
    bounds = _bounds(shares["shadow"])
    print_table(bounds)
    if "--write" in sys.argv:
        _write(rows, bounds)


def _cells(shares: list[float]) -> list[str]:
    return [*(f"{each:.3f}" for each in shares), f"{np.mean(shares[:REFERENCE]):.4f}"]


def _shares(policy: str, change: Any) -> list[float]:
    """Return the shares of all pools, found by a process of its own with a fresh cache of compiled code."""
    with tempfile.TemporaryDirectory() as folder:
        answer = subprocess.run(
            [sys.executable, __file__, "--variant", json.dumps([policy, change])],
            env={**os.environ, "NUMBA_CACHE_DIR": folder},
            stdout=subprocess.PIPE,
            check=True,
        )
    shares: list[float] = json.loads(answer.stdout)
    return shares


def variant(policy: str, edits: list[tuple[str, str]]) -> list[float]:
    """Return the share of capacity that a policy reaches on each pool, with the text of `shadow` edited."""
    with tempfile.TemporaryDirectory() as folder:
        _edit(Path(folder), edits)
        from kairos_cli.planner.capacity import CapacityProgram, shadow_prices
        from kairos_cli.simulate.measure import Effort, measuring

        shares = []
        for model, pool in POOLS:
            table, counts = shipped_table(model), np.array(pool)
            capacity_qps = CapacityProgram(table).solve(counts).qps
            effort = Effort(workers=os.cpu_count() or 1)
            measured = measuring(policy, effort, shadow_prices=shadow_prices)(table)(counts, capacity_qps, 0.0)
            assert measured is not None
            shares.append(measured.qps / capacity_qps)
        return shares


def _edited(edits: list[tuple[str, str]]) -> dict[str, str]:
    """Return the edited text of the two modules; each edit must fit one of them."""
    text = {name: (POLICIES / f"{name}.py").read_text(encoding="utf-8") for name in ("state", "shadow")}
    for old, new in edits:
        found = [name for name in text if old in text[name]]
        if len(found) != 1:
            raise SystemExit(f"a variant no longer fits the text of the policy: {old!r}")
        text[found[0]] = text[found[0]].replace(old, new)
    return text


def _edit(folder: Path, edits: list[tuple[str, str]]) -> None:
    """Load the two modules with edited text in place of the real ones, before anything imports these."""
    for name, edited in _edited(edits).items():
        path = folder / f"{name}.py"
        path.write_text(edited, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(f"kairos_cli.policies.{name}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        setattr(kairos_cli.policies, name, module)


def _bounds(shares: list[float]) -> list[tuple[str, ...]]:
    """Return what a clairvoyant schedule would leave late where `shadow` leaves as many late as are allowed."""
    from clairvoyant import least_late_share
    from kairos_cli.planner.capacity import CapacityProgram

    rows = [("pool", "queries/s of shadow", "of capacity", "late, shadow", "late, clairvoyant", "at capacity")]
    for (model, pool), share in zip(POOLS, shares, strict=True):
        table, counts = shipped_table(model), np.array(pool)
        capacity_qps = CapacityProgram(table).solve(counts).qps
        late: Callable[[float], str] = lambda rate, t=table, c=counts: f"{least_late_share(t, c, rate):.2%}"  # type: ignore[misc] # noqa: E731
        name = f"{model} {'-'.join(map(str, pool))}"
        rate = share * capacity_qps
        rows.append((name, f"{rate:.0f}", f"{share:.3f}", "1.00%", late(rate), late(capacity_qps)))
    return rows


def _write(rows: list[Any], bounds: list[Any]) -> None:
    """Put the tables into the page, between their marks."""
    page = PAGE.read_text(encoding="utf-8")
    for mark, table in (("ablation", rows), ("clairvoyant", bounds)):
        lines = ["| " + " | ".join(row) + " |" for row in table]
        lines.insert(1, "|---" + "|---:" * (len(table[0]) - 1) + "|")
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
        before, rest = page.split(begin, 1)
        page = before + begin + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1]
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--variant"]:
        print(json.dumps(variant(*json.loads(sys.argv[2]))))
    else:
        main()
