"""What a policy makes of what it may do with queries."""

from __future__ import annotations

import pytest

from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.policies import NAMES
from kairos_cli.policies.abilities import serving_under

BOTH = Serving(merge=True, split=True, largest_batch=512)


@pytest.mark.parametrize(
    ("option", "expected"),
    [((1.0, 1.0), BOTH), ((1.0, 0.0), Serving(True, False, 512)), ((0.0, 1.0), Serving(False, True, 512))],
)
def test_shadow_merges_and_splits_as_its_option_says(option: tuple[float, float], expected: Serving) -> None:
    """The first number says whether it merges, the second whether it splits; the largest batch stays."""
    assert expected == serving_under("shadow", option, BOTH)


def test_one_at_a_time_there_is_nothing_to_choose() -> None:
    """Where queries are neither merged nor split, the option says nothing."""
    assert ONE_AT_A_TIME == serving_under("shadow", (0.0,), ONE_AT_A_TIME)


@pytest.mark.parametrize("policy", [name for name in NAMES if name != "shadow"])
def test_all_others_do_what_they_may(policy: str) -> None:
    """The numbers of other policies mean something else."""
    assert BOTH == serving_under(policy, (0.0, 0.0), BOTH)
