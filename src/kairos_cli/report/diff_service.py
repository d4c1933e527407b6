"""Who serves what before and after, in the same ranges of batch sizes.

The ranges are those of the new plan, the outer ones widened to hold all sizes of both mixes. In each, the
shares of a plan are weighted by its own mix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kairos_cli.report.document import Document, rounded


def service_part(old: Document, new: Document) -> list[Document]:
    """Return the ranges with the shares of the types under both plans; the last range is all queries."""
    names = list(dict.fromkeys([*old["pool"], *new["pool"]]))
    served = [list(_served_by_size(each)) for each in (old, new)]
    sizes = [size for each in served for size, _, _ in each]
    ranges = [(each["batch_size_from"], each["batch_size_to"]) for each in new["distribution_summary"]]
    ranges[0] = (min(sizes), ranges[0][1])
    ranges[-1] = (ranges[-1][0], max(sizes))
    # A size that only the old mix has may fall between two ranges: it belongs to the one before.
    ends = [*(start - 1 for start, _ in ranges[1:]), ranges[-1][1]]
    parts = [_range(first, last, end, served, names) for (first, last), end in zip(ranges, ends, strict=True)]
    return [*parts, _range(min(sizes), max(sizes), max(sizes), served, names)]


def _served_by_size(plan: Document) -> Iterator[tuple[int, float, Document]]:
    """Yield each batch size of a plan's mix, its share of the queries, and the shares of the types in it."""
    ranges = iter(plan["distribution"])
    at = next(ranges)
    for size, share in zip(plan["inputs"]["batch_size"], plan["inputs"]["probability"], strict=True):
        while size > at["batch_size_to"]:
            at = next(ranges)
        yield size, share, at["share"]


def _range(
    first: int, last: int, end: int, served: Sequence[list[tuple[int, float, Document]]], names: Sequence[str]
) -> Document:
    old, new = (_shares([each for each in plan if first <= each[0] <= end], names) for plan in served)
    return {"batch_size_from": first, "batch_size_to": last, "old": old, "new": new}


def _shares(served: Sequence[tuple[int, float, Document]], names: Sequence[str]) -> Document | None:
    """Return the share of these sizes in all queries, and of each type in them; None if the mix has none."""
    queries = sum(share for _, share, _ in served)
    if queries <= 0:
        return None
    by_type = {name: sum(share * of.get(name, 0.0) for _, share, of in served) / queries for name in names}
    return {"query_share": rounded(queries), "share": {name: rounded(share) for name, share in by_type.items()}}
