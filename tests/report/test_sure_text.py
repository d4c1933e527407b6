"""What is said of instances that may be away: in the figures of an explanation, and in its bottleneck."""

from __future__ import annotations

from typing import Any

from kairos_cli.report.bottleneck_text import bottleneck_lines
from kairos_cli.report.sure_text import sure_lines, sure_pool


def figures(pool: dict[str, int], present: dict[str, int], worst_loss: dict[str, int]) -> dict[str, Any]:
    """Return the figures of a pool, as far as they are looked at here."""
    return {"pool": pool, "present": present, "worst_loss": worst_loss}


#: Of four spot instances two can be counted on; one of them is lost at worst.
SPOT = figures({"a:spot": 4, "b": 9}, {"a:spot": 2, "b": 9}, {"a:spot": 1})
ALL_THERE = figures({"b": 5}, {"b": 5}, {})


def test_what_is_left_is_what_is_present_after_the_loss() -> None:
    """Types of which nothing is left are not in it."""
    assert {"a:spot": 1, "b": 9} == sure_pool(SPOT)
    assert {"b": 9} == sure_pool(SPOT | {"worst_loss": {"a:spot": 2}})
    assert {"b": 5} == sure_pool(ALL_THERE)


def test_each_pool_is_named_with_what_its_rates_count_on() -> None:
    """A pool that is there whole is not among those away; a loss takes something of every pool."""
    pools = {"this pool": SPOT, "recommended": ALL_THERE | {"worst_loss": {"b": 1}}}

    assert [
        "rates count on the instances that are there 99% of the time: 2 × a:spot + 9 × b (this pool)",
        "rates are those after the loss of any 1 instance, the worst being: 1 × a:spot (this pool); "
        "1 × b (recommended)",
    ] == list(sure_lines({"qos_percentile": 99.0, "tolerate_loss": 1}, pools))


def test_several_losses_are_told_in_the_plural() -> None:
    """And a pool of which nothing is there counts on none."""
    nothing = figures({"a:spot": 1}, {}, {})

    assert [
        "rates count on the instances that are there 99.9% of the time: none (this pool)",
        "rates are those after the loss of any 2 instances, the worst being: none (this pool)",
    ] == list(sure_lines({"qos_percentile": 99.9, "tolerate_loss": 2}, {"this pool": nothing}))


def test_without_spot_instances_and_losses_nothing_is_said() -> None:
    """All of the pool counts."""
    assert [] == list(sure_lines({"qos_percentile": 99.0, "tolerate_loss": 0}, {"this pool": ALL_THERE}))


def test_the_bottleneck_is_that_of_what_is_left() -> None:
    """It says so first, where that is not the whole pool."""
    late = {
        "runs_out": "target",
        "type": None,
        "least_late_fraction": 0.0176,
        "large_sizes": {"on_time": {"b": 9}, "batch_size_from": 10},
    }
    scenario = {"qos_percentile": 99.0}
    said = "1.76% of all queries are late without any load, where 1.00% may be"

    assert ["of what is sure to be left of it: 1 × a:spot + 9 × b", said] == list(
        bottleneck_lines({"scenario": scenario, "pool": SPOT, "bottleneck": late})
    )
    assert [said] == list(bottleneck_lines({"scenario": scenario, "pool": ALL_THERE, "bottleneck": late}))
