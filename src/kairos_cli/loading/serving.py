"""What the serving system does with queries: the table [serving] of a scenario, each key of which a flag overrides.

[serving]
merge = true           # several queries in one batch
split = true           # a query in several batches
largest_batch = 512    # no batch has more items

Left out, every query is served whole and alone. The model has a say as well: it may forbid either, and name the
largest batch that its servers take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.serving import Serving
from kairos_cli.errors import Problem, Source
from kairos_cli.loading.limits import BEYOND_THE_PROFILE_HINT, beyond_the_profile
from kairos_cli.loading.scenario_values import ScenarioValues


def read_serving(values: ScenarioValues) -> Serving:
    """Return what the serving system does, by the values of a file and of flags; every problem is noted."""
    largest_batch = values.whole("largest_batch", 1, smallest=1) if "largest_batch" in values.value else None
    return Serving(values.truth("merge"), values.truth("split"), largest_batch)


def serving_problems(scenario: Scenario, source: Mapping[str, Source], machines: Sequence[str]) -> Iterator[Problem]:
    """Yield what the model, its profiles for `machines`, or the mix has against the serving that is asked for."""
    yield from _forbidden(scenario, source)
    yield from _limit_beyond_the_profile(scenario, source, machines)
    if scenario.serving.split:
        yield from _no_part_fits(scenario, source, machines)
    else:
        yield from _limit_under_a_query(scenario, source)


def _forbidden(scenario: Scenario, source: Mapping[str, Source]) -> Iterator[Problem]:
    model, serving = scenario.model, scenario.serving
    if serving.merge and not model.mergeable:
        message = f"merging is asked for, but queries of model {model.name} may not share a batch: mergeable = false"
        yield Problem(message, source.get("merge"), "--no-merge, or mergeable = true in its profile if they may")
    if serving.split and not model.splittable:
        message = f"splitting is asked for, but queries of model {model.name} may not be parted: splittable = false"
        yield Problem(message, source.get("split"), "--no-split, or splittable = true in its profile if they may")


def _limit_beyond_the_profile(
    scenario: Scenario, source: Mapping[str, Source], machines: Sequence[str]
) -> Iterator[Problem]:
    asked, measured = scenario.serving.largest_batch, max(scenario.model.latency[name].largest for name in machines)
    if asked is not None and asked > measured:
        yield Problem(beyond_the_profile(asked, measured), source.get("largest_batch"), BEYOND_THE_PROFILE_HINT)


def _no_part_fits(scenario: Scenario, source: Mapping[str, Source], machines: Sequence[str]) -> Iterator[Problem]:
    """Parts are multiples of the unit of the mix: batches smaller than one could serve none."""
    mix, largest = scenario.mix, max(scenario.largest_batch(scenario.model.latency[name]) for name in machines)
    if largest < mix.unit:
        yield Problem(
            f"no part of a query fits into a batch of {largest}: parts are multiples of {mix.unit}, the greatest "
            f"common divisor of the batch sizes of mix {mix.name}",
            _blamed(scenario, source),
            f"allow batches of at least {mix.unit}",
        )


def _limit_under_a_query(scenario: Scenario, source: Mapping[str, Source]) -> Iterator[Problem]:
    model, mix, serving = scenario.model, scenario.mix, scenario.serving
    limit = min((each for each in (model.largest_batch, serving.largest_batch) if each is not None), default=None)
    if limit is not None and limit < mix.largest:
        split = "--split, or " if model.splittable else ""
        yield Problem(
            f"batches are limited to {limit} items and queries are not split, but mix {mix.name} has queries of "
            f"{mix.largest}",
            _blamed(scenario, source),
            f"{split}allow batches of {mix.largest}, or use a mix without such queries",
        )


def _blamed(scenario: Scenario, source: Mapping[str, Source]) -> Source | None:
    """Return where the tighter of the two limits comes from: the serving system's, or the model's."""
    own, model = scenario.serving.largest_batch, scenario.model.largest_batch
    tighter = own is not None and (model is None or own <= model)
    return source.get("largest_batch" if tighter else "model")
