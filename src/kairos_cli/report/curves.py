"""Drawings in characters, without colour, so that they read the same in a terminal, a file or a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotext

from kairos_cli.domain.latency_profile import Floats

#: Fits a terminal of 80 columns.
WIDTH, HEIGHT = 76, 20
#: One mark for each line, so that lines differ without colour.
_MARKS = "●○▲△■□◆◇"
_MOST_BARS = 24


def curve(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_label: str = "", y_label: str = "") -> str:
    """Return a drawing of the named lines, each given as x and y values."""
    _new_figure()
    for mark, (name, (x, y)) in zip(_MARKS * len(lines), lines.items(), strict=False):
        plotext.plot(list(x), list(y), marker=mark, label=name)
    plotext.xlabel(x_label)
    plotext.ylabel(y_label)
    return _drawn()


def bars(x: Sequence[int], share: Sequence[float]) -> str:
    """Return a bar chart of shares by whole numbers, joined into a few equal ranges."""
    step = _round_step(max(x) / _MOST_BARS)
    bar = (np.asarray(x) - 1) // step
    height = np.bincount(bar, weights=share)
    label = [f"{index * step + 1}–{(index + 1) * step}" for index in range(len(height))]
    return _bar_lines(label, height.tolist(), [""] * len(label))


def histogram(latency_ms: Floats, target_ms: float) -> str:
    """Return a bar chart of latencies (N,) up to twice the target; the target ends a bar."""
    step = target_ms / 10
    bar = np.minimum((latency_ms / step).astype(np.int64), 20)
    share = np.bincount(bar, minlength=21) / len(latency_ms)
    label = [f"{index * step:.4g}–{(index + 1) * step:.4g} ms" for index in range(20)] + [f"over {20 * step:.4g} ms"]
    last = int(np.flatnonzero(share).max()) + 1
    mark = ["" if index < 10 else " late" for index in range(21)]
    return _bar_lines(label[:last], share[:last].tolist(), mark[:last])


def _bar_lines(label: Sequence[str], share: Sequence[float], mark: Sequence[str]) -> str:
    widest = max(map(len, label))
    scale = (WIDTH - widest - 15) / max(share)
    return "\n".join(
        f"{name:>{widest}} {value:7.2%} {'█' * max(round(value * scale), int(value > 0))}{after}".rstrip()
        for name, value, after in zip(label, share, mark, strict=True)
    )


def _round_step(smallest: float) -> int:
    """Return the least of 1, 2, 5, 10, 20, 50, … that is not smaller."""
    return next(int(lead * 10**power) for power in range(12) for lead in (1, 2, 5) if lead * 10**power >= smallest)


def _new_figure() -> None:
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(WIDTH, HEIGHT)


def _drawn() -> str:
    text: str = plotext.uncolorize(plotext.build())
    return "\n".join(line.rstrip() for line in text.splitlines())
