"""What batching changes, as a picture and a table: docs/batching.svg, and the capacities in docs/batching.md.

On the left what an item costs on each type by the size of the batch it is served in: where the line falls, merging
pays, and where it is flat or rises, splitting costs nothing. On the right the capacity of the best pool, and of
the best pool of one type, in the four ways of serving. A FILE as argument takes the picture in place of
docs/batching.svg, as PNG or whatever its name ends in, and leaves the page alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.planner.capacity import CapacityProgram, by_capacity
from kairos_cli.planner.comparison import Pools, pools
from shared import BUDGET_USD_PER_HOUR, MODELS, shipped

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PICTURE = DOCS / "batching.md", DOCS / "batching.svg"
BEGIN, END = "<!-- capacities -->\n", "<!-- end of capacities -->"
WAYS = (ONE_AT_A_TIME, Serving(merge=True), Serving(split=True), Serving(merge=True, split=True))
#: One model on which merging pays, and one on which splitting does.
SHOWN = ("wnd", "rm2")
#: Told apart without red and green (Okabe and Ito), and when printed in grey.
COLOUR_BY_TYPE = {"g4dn.xlarge": "#0072b2", "c5n.2xlarge": "#e69f00", "r5n.large": "#009e73", "t3.xlarge": "#999999"}
COLOUR_BY_WAY = dict(zip(map(str, WAYS), ("#999999", "#0072b2", "#009e73", "#cc79a7"), strict=True))
USD_TICKS = (0.001, 0.003, 0.01, 0.03, 0.1)
#: The same bytes each time: no date, no random names.
STYLE = {"svg.hashsalt": "kairos", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


@dataclass(frozen=True, slots=True)
class Best:
    """The pools of greatest capacity for a model served in one way: of all pools, and of those of one type."""

    model: str
    serving: Serving
    pool: Pool
    qps: float
    alone: Pool
    alone_qps: float


def best(model: str, serving: Serving) -> Best:
    found = pools(replace(shipped(model), serving=serving))
    if isinstance(found, str):
        raise SystemExit(f"{model}: {found}")
    one_type = replace(found, counts=found.counts[(found.counts > 0).sum(axis=1) == 1])
    return Best(model, serving, *greatest(found), *greatest(one_type))


def greatest(among: Pools) -> tuple[Pool, float]:
    row, capacity = next(by_capacity(CapacityProgram(among.table), among.counts))
    return among.table.pool(among.counts[row]), capacity.qps


def draw(bests: list[Best], path: Path) -> None:
    with mpl.rc_context(STYLE):
        figure = plt.figure(figsize=(11, 4.2), layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 2.1))
        for axes, model in zip((left, middle), SHOWN, strict=True):
            draw_cost(axes, model)
        left.set_ylabel("$ per million items")
        for axes in (left, middle):  # both on one scale, so that the models compare
            axes.set_ylim(USD_TICKS[0], USD_TICKS[-1])
            axes.set_yticks(USD_TICKS, [f"{usd:g}" for usd in USD_TICKS])
        left.legend(frameon=False, fontsize=8, loc="upper right")
        draw_capacities(right, bests)
        figure.savefig(path, metadata={"Date": None, "Creator": None} if path.suffix == ".svg" else None, dpi=110)
        plt.close(figure)


def draw_cost(axes: Axes, model: str) -> None:
    """Draw what an item costs by the size of the batch, on each type."""
    scenario = shipped(model)
    price = scenario.prices.price_usd_per_hour()
    for name, profile in scenario.model.latency.items():
        usd = profile.mean_ms / profile.batch_size / 3.6e6 * price[name] * 1e6
        axes.loglog(profile.batch_size, usd, color=COLOUR_BY_TYPE[name], label=name, linewidth=1.6)
    axes.set_title(f"What an item of {model} costs", fontsize=10)
    axes.set_xlabel("items in the batch")
    axes.set_xticks([10, 100, 1000], ["10", "100", "1000"])
    axes.minorticks_off()
    axes.grid(color="#e5e5e5", linewidth=0.6)


def draw_capacities(axes: Axes, bests: list[Best]) -> None:
    """Draw the capacity of the best pool as a multiple of the best pool of one type, one at a time."""
    width = 0.8 / len(WAYS)
    for place, each in enumerate(bests):
        model, way = divmod(place, len(WAYS))
        unit = bests[model * len(WAYS)].alone_qps
        x, colour = model + (way - (len(WAYS) - 1) / 2) * width, COLOUR_BY_WAY[str(each.serving)]
        axes.bar(x, each.qps / unit, width * 0.88, color=colour, alpha=0.4)
        axes.bar(x, each.alone_qps / unit, width * 0.88, color=colour)
    axes.axhline(1, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xticks(range(len(MODELS)), MODELS)
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 3.4)
    axes.set_ylabel("capacity, in that of one type, one at a time")
    axes.set_title(f"What {BUDGET_USD_PER_HOUR:g} $/h can serve", fontsize=10)
    ways = [Patch(color=colour, label=way) for way, colour in COLOUR_BY_WAY.items()]
    tones = [
        Patch(color="#555555", label="best pool of one type"),
        Patch(color="#bbbbbb", label="more by mixing types"),
    ]
    axes.legend(handles=[*ways, *tones], frameon=False, fontsize=8, ncols=3, loc="upper center")


def table(bests: list[Best]) -> str:
    """Return the capacities as Markdown."""
    rows = [
        "| model | served | best pool | queries/s | best of one type | queries/s | ratio |",
        "|---|---|---|---:|---|---:|---:|",
    ]
    for each in bests:
        cells = (
            each.model, str(each.serving), str(each.pool), f"{each.qps:,.0f}", str(each.alone),
            f"{each.alone_qps:,.0f}", f"{each.qps / each.alone_qps:.2f}",
        )  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    bests = [best(model, serving) for model in MODELS for serving in WAYS]
    if len(sys.argv) > 1:
        draw(bests, Path(sys.argv[1]))
        return
    draw(bests, PICTURE)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table(bests)}{END}{rest.partition(END)[2]}", encoding="utf-8")
    print(table(bests))


if __name__ == "__main__":
    main()
