"""What is lost when a pool is split among independent routers: its part of `kairos.evaluation/1`, and its section."""

from __future__ import annotations

from collections.abc import Sequence

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.pool import Pool
from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.plan_sections import pool_text
from kairos_cli.report.sections import Section

#: So many kinds of shards are shown; there are two where types are dealt evenly.
_MOST_KINDS = 8


def with_shards(document: Document, pools: Sequence[Pool], share: Floats, one_router_qps: Sequence[float]) -> Document:
    """Return an evaluation of split pools with the shards, and what one router would allow, under each policy."""
    shards = [
        {"pool": pool.by_type, "query_share": rounded(part, 6)}
        for pool, part in zip(pools, share.tolist(), strict=True)
    ]
    results = [
        {**each, "one_router_qps": rounded(qps), "lost_fraction": _lost(each["allowable_qps"], qps)}
        for each, qps in zip(document["results"], one_router_qps, strict=True)
    ]
    return {**document, "shards": shards, "results": results}


def _lost(allowable_qps: float, one_router_qps: float) -> float | None:
    """Return the share that splitting costs, without a sign where that is nothing."""
    return round(1 - allowable_qps / one_router_qps, 4) + 0.0 if one_router_qps else None


def shards_section(document: Document) -> Section:
    """Return what splitting costs."""
    rows = [
        (
            each["policy"],
            qps_text(each["one_router_qps"]),
            qps_text(each["allowable_qps"]),
            "–" if each["lost_fraction"] is None else f"{each['lost_fraction']:.1%}",
        )
        for each in document["results"]
    ]
    number = len(document["shards"])
    columns = ("policy", ">one router", f">{number} routers", ">lost")
    return Section(f"Split among {number} routers, in queries/s", columns, rows, _shard_lines(document["shards"]))


def _shard_lines(shards: Sequence[Document]) -> list[str]:
    """Return a line for each kind of shard."""
    kinds: dict[str, list[float]] = {}
    for each in shards:
        kinds.setdefault(pool_text(each["pool"]), []).append(each["query_share"])
    lines = [
        f"{len(shares)} × ({text}): {sum(shares) / len(shares):.1%} of the queries"
        + (" each" if len(shares) > 1 else "")
        + ("" if any(shares) else ", for it cannot keep the target alone")
        for text, shares in list(kinds.items())[:_MOST_KINDS]
    ]
    return [*lines, *([f"and {len(kinds) - _MOST_KINDS} more kinds"] if len(kinds) > _MOST_KINDS else [])]
