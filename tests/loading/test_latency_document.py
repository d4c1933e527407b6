"""What a router has learned, read back as a model profile."""

from __future__ import annotations

from typing import Any

import pytest

from kairos_cli.errors import InputError
from kairos_cli.loading.latency_document import model_of
from kairos_cli.loading.model import load_model
from kairos_cli.loading.samples import profile_text


def document(**measured: int) -> dict[str, Any]:
    """Return a document of one machine bought in two ways, the spot one 1 ms slower, and another machine."""
    rows = {"a": [[10, 2.0, 1.0, 3.0]], "a:spot": [[10, 3.0, 2.0, 4.0]], "b": [[10, 5.0, 4.0, 6.0]]}
    return {
        "schema": "kairos.latency/1", "model": "ranker", "qos": "p99<40ms", "quantiles": [0.0, 1.0],
        "mergeable": True, "splittable": False, "largest_batch": 64,
        "measured": {"a": 0, "a:spot": 0, "b": 0} | {name.replace("_", ":"): count for name, count in measured.items()},
        "latency_ms": rows,
    }  # fmt: skip


def test_the_way_of_buying_that_served_most_speaks_for_a_machine() -> None:
    """Of a and a:spot that with more batches gives the latencies of a; machines keep the order of the plan."""
    model = model_of(document(a=5, a_spot=70))

    assert [("a", 3.0), ("b", 5.0)] == [(name, each.mean_ms[0]) for name, each in model.latency.items()]
    assert "learned by kairos serve from 75 batches" == model.source


def test_what_is_written_is_a_profile_with_all_that_the_model_says(tmp_path: Any) -> None:
    """Target, levels, whether queries may be split, and the largest batch are read back."""
    path = tmp_path / "ranker.toml"
    path.write_text(profile_text(model_of(document(b=60))), encoding="utf-8")
    model = load_model(path)

    assert ("ranker", "p99<40ms", True, False) == (model.name, str(model.qos), model.mergeable, model.splittable)
    assert [0.0, 1.0] == model.latency["b"].level.tolist()


def test_a_router_that_has_served_nothing_has_learned_nothing() -> None:
    """There is nothing to write yet."""
    with pytest.raises(InputError) as raised:
        model_of(document())

    assert "--admin: error: the router has served nothing yet\nhint: try again when it has" == str(raised.value)
