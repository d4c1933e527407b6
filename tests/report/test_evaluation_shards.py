"""What is said of a pool that is split."""

from __future__ import annotations

import json

import numpy as np

from kairos_cli.domain.pool import Pool
from kairos_cli.report.evaluation_shards import shards_section, with_shards

POOLS = [Pool((("a", 1), ("b", 2))), Pool((("a", 1), ("b", 2))), Pool((("b", 3),))]


def evaluation(*allowable_qps: float) -> dict[str, object]:
    """Return so much of an evaluation as matters here, with a policy for each rate."""
    return {"results": [{"policy": f"p{number}", "allowable_qps": qps} for number, qps in enumerate(allowable_qps)]}


def test_the_loss_is_a_share_of_what_one_router_allows() -> None:
    """A fifth; nothing without a sign, however little the shards are ahead by chance; none where none is allowed."""
    document = with_shards(evaluation(80.0, 100.001, 0.0), POOLS, np.array([0.5, 0.5, 0.0]), [100.0, 100.0, 0.0])

    assert [0.2, 0.0, None] == [each["lost_fraction"] for each in document["results"]]
    assert "-0.0" not in json.dumps(document)
    assert {"pool": {"a": 1, "b": 2}, "query_share": 0.5} == document["shards"][0]


def test_shards_of_a_kind_share_a_line() -> None:
    """The one that cannot keep the target alone says so."""
    section = shards_section(with_shards(evaluation(80.0), POOLS, np.array([0.5, 0.5, 0.0]), [100.0]))

    assert "Split among 3 routers, in queries/s" == section.title
    assert [("p0", "100.0", "80.0", "20.0%")] == section.rows
    assert [
        "2 × (1 × a + 2 × b): 50.0% of the queries each",
        "1 × (3 × b): 0.0% of the queries, for it cannot keep the target alone",
    ] == section.lines


def test_many_kinds_are_cut_short() -> None:
    """Ten different shards: eight lines, and how many are left."""
    pools = [Pool((("a", number),)) for number in range(1, 11)]
    section = shards_section(with_shards(evaluation(80.0), pools, np.full(10, 0.1), [100.0]))

    assert (9, "and 2 more kinds") == (len(section.lines), section.lines[-1])
