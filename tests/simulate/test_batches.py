"""The event loop with batches and parts: a second simulator beside it, and what must hold in every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.policies import NAMES
from kairos_cli.policies.state import service
from kairos_cli.simulate.allowable import allowable
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.streams import Stream, stream
from kairos_cli.simulate.tuning import options
from tests.simulate.batch_cases import BOTH, MERGING, SPLITTING, drawn_batch_case, in_batches
from tests.simulate.batch_reference import MERGING_RULES, Answer, BatchReference, by_kernel, deeprecsys
from tests.simulate.tables import Case, Played, capacity, fixed, played, table

IN_BATCHES = (MERGING, SPLITTING, BOTH)


def same_in_both(case: Case, policy: str, rule: Callable[[BatchReference], Answer]) -> tuple[Played, BatchReference]:
    """Return the run of a policy, which that of the second simulator under its rule must equal."""
    happened = played(case, policy, known=service(case.table, case.counts))
    reference = BatchReference(case)
    reference.run(rule)
    assert reference.served_by == happened.served_by.tolist()
    np.testing.assert_allclose(reference.started_ms, happened.started_ms, rtol=1e-12)
    np.testing.assert_allclose(reference.finished_ms, happened.finished_ms, rtol=1e-12)
    np.testing.assert_allclose(reference.busy_ms, happened.busy_ms, rtol=1e-9)
    if case.table.serving.split:
        assert reference.served_units.tolist() == happened.served_rows.tolist()
    return happened, reference


@pytest.mark.parametrize("policy", MERGING_RULES)
def test_a_second_simulator_sees_the_same_batches(policy: str) -> None:
    """A plain simulator under a rule written again starts and ends every query of a batch when the engine does."""
    pieces = woken = 0
    for seed in range(25):
        case = drawn_batch_case(seed, MERGING, policy)
        _, reference = same_in_both(case, policy, MERGING_RULES[policy])
        pieces = max(pieces, reference.most_pieces_seen)
        woken += reference.woken
    assert pieces > 3
    assert (woken > 50) == (policy == "fcfs")


def test_a_second_simulator_sees_the_same_parts() -> None:
    """So it does where DeepRecSys splits queries in parts alike in size."""
    parts = 0
    for seed in range(25):
        _, reference = same_in_both(drawn_batch_case(seed, SPLITTING, "deeprecsys"), "deeprecsys", deeprecsys)
        parts = max(parts, *reference.parts)
    assert parts > 3


@pytest.mark.parametrize("serving", IN_BATCHES, ids=str)
@pytest.mark.parametrize("policy", NAMES)
def test_a_second_simulator_sees_the_same_follow_from_the_answers(policy: str, serving: Serving) -> None:
    """What a policy answers has the same consequences in the plain simulator.

    That one knows queues, batches and parts: no batch is larger than its type may serve, none begins on a busy
    instance, and every unit of every query is served once.
    """
    for seed in range(12):
        case = drawn_batch_case(seed, serving, policy)
        _, reference = same_in_both(case, policy, by_kernel(policy, case))
        assert (case.stream.size + 1).tolist() == reference.served_units.sum(axis=1).tolist()


@pytest.mark.parametrize("serving", IN_BATCHES, ids=str)
@pytest.mark.parametrize("policy", NAMES)
def test_a_run_that_ends_early_reaches_the_same_verdict(policy: str, serving: Serving) -> None:
    """Allowed k late queries, a run in batches says `more than k` exactly if the full run has more."""
    verdicts = set()
    for seed in range(12):
        case, counted_from = drawn_batch_case(seed, serving, policy), 10 * (seed % 4)
        known = service(case.table, case.counts)
        late = played(case, policy, counted_from=counted_from, known=known).late
        for most_late in {0, 1, 5, 20, late - 1, late, late + 1} - {-1}:
            found = played(case, policy, counted_from=counted_from, most_late=most_late, known=known).late
            assert (late > most_late) == (found > most_late)
            assert found == late or found > most_late
            verdicts.add(late > most_late)
    assert {True, False} == verdicts


def plain_and_in_units(seed: int) -> tuple[ServiceTable, ServiceTable]:
    """Return a table of the sizes 20, 30 and 60, and the same with all multiples of 10, served one at a time."""
    draw = np.random.default_rng(seed)
    mean_ms = np.sort(draw.uniform(5, 60, (2, 6)), axis=1) * [[1], [1.5]]
    quantile_ms = mean_ms[..., None] * [0.5, 0.9, 2.0]
    in_units = table(quantile_ms, (0, 0.5, 1), probability=[0, 0.5, 0.3, 0, 0, 0.2], target_ms=200.0)
    rows = [1, 2, 5]
    plain = table(np.ascontiguousarray(quantile_ms[:, rows]), (0, 0.5, 1), probability=[0.5, 0.3, 0.2], target_ms=200.0)
    return replace(plain, batch_size=in_units.batch_size[rows]), in_units


@pytest.mark.parametrize("policy", NAMES)
def test_one_at_a_time_sizes_that_no_query_has_do_not_matter(policy: str) -> None:
    """With all multiples of the unit as rows, but nothing merged or split, all happens as without these rows."""
    for seed in range(8):
        plain, in_units = plain_and_in_units(seed)
        counts, threshold = np.array([2, 3]), seed % 3
        rate_qps = 1.1 * float((counts * service(plain).rate_qps).sum())
        runs = [
            played(Case(made, counts, (float(row),), stream(made, 300, seed, 0), rate_qps), policy)
            for made, row in ((plain, threshold), (in_units, [1, 2, 5][threshold]))
        ]
        assert ONE_AT_A_TIME == in_units.serving
        assert runs[0].finished_ms.tolist() == runs[1].finished_ms.tolist()
        assert runs[0].served_by.tolist() == runs[1].served_by.tolist()


@pytest.mark.parametrize("serving", IN_BATCHES, ids=str)
@pytest.mark.parametrize("policy", NAMES)
def test_no_policy_exceeds_the_capacity_in_batches(policy: str, serving: Serving) -> None:
    """However queries are merged and split, no policy allows a rate above what its serving system can do.

    Of 4000 queries the realised rate has a standard error of 1.6 % and the realised work about as much.
    """
    searched = 0
    for seed in range(5):
        case = drawn_batch_case(seed, serving, policy)
        bound = capacity(case.table, case.counts)
        if bound == 0:
            continue
        searched += 1
        tried = options(policy, case.table, case.counts)[:2]
        found = allowable(simulator(case.table, Effort(2000, 2)), case.counts, policy, 1.5 * bound, tried)
        assert found is not None
        left_over = bound * case.table.qos.latency_ms / 1000 / 2000
        assert found.qps <= bound * (1.04 + left_over), seed
    assert searched >= 3


# --- by hand


def by_hand(
    made: ServiceTable,
    arrival_ms: Sequence[float],
    units: Sequence[int],
    counts: Sequence[int],
    option: Sequence[float],
) -> Case:
    """Return a case in which all is given: arrivals in ms, sizes in units, and services that take their mean."""
    drawn = Stream(np.array(arrival_ms), np.array(units) - 1, np.zeros(len(units), np.int64), np.zeros(len(units)))
    return Case(made, np.array(counts), tuple(option), drawn, 1000.0)


#: Ten units at most; n of them take 8 + 2 n ms on the first type, 4 n on the second.
LINES = fixed([[8 + 2 * n for n in range(1, 11)], [4 * n for n in range(1, 11)]])


@pytest.mark.parametrize("policy", ["fcfs", "least_loaded", "instance_aware"])
def test_what_came_in_the_meantime_is_one_batch(policy: str) -> None:
    """Six queries, one every 3 ms: the first is done at 10, the next three together at 24, the last two at 36."""
    case = by_hand(in_batches(LINES, MERGING), [0, 3, 6, 9, 12, 15], [1] * 6, [1, 0], (1.0, 0.0))
    happened = played(case, policy)
    assert [0, 10, 10, 10, 24, 24] == happened.started_ms.tolist()
    assert [10, 24, 24, 24, 36, 36] == happened.finished_ms.tolist()
    assert [36.0] == happened.busy_ms.tolist()


def test_arrivals_every_4_ms_settle_at_batches_of_four() -> None:
    """n queries take 8 + 2 n ms, in which (8 + 2 n) / 4 more arrive: that is n itself at four, for ever after."""
    arrival_ms = [0.0, 0.0, 0.0, 0.0, *(4.0 * n + 2 for n in range(100))]
    made = in_batches(LINES, MERGING)
    first = by_hand(made, arrival_ms, [1] * 104, [1, 0], (1.0, 2.0))
    happened = played(first, "fcfs")
    # The four that come at 0 are held open for 2 ms, and the one at 2 joins them: five, then (8 + 10) / 4 = 4.5.
    _, sizes = np.unique(happened.started_ms, return_counts=True)
    assert [5, 4] == sizes[:2].tolist()
    assert {4} == set(sizes[1:-1].tolist())


def test_at_the_end_of_a_delay_window_an_arrival_comes_first() -> None:
    """A query that arrives at the very end of the window of another is in its batch; one that comes later is not."""
    made = in_batches(LINES, MERGING)
    together, apart = (
        played(by_hand(made, [0.0, second], [1, 1], [1, 0], (1.0, 5.0)), "fcfs") for second in (5.0, 5.5)
    )
    assert [5, 5] == together.started_ms.tolist()
    assert [5, 15] == apart.started_ms[:1].tolist() + apart.finished_ms[:1].tolist()
    assert 15 == apart.started_ms[1]


def test_queries_that_arrive_together_are_merged_in_their_order() -> None:
    """Of seven queries of three units that arrive at once the first is served alone, then three and three."""
    case = by_hand(in_batches(LINES, MERGING), [0.0] * 7, [3] * 7, [1, 0], (1.0, 0.0))
    happened = played(case, "fcfs")
    assert [0, 14, 14, 14, 40, 40, 40] == happened.started_ms.tolist()


@pytest.mark.parametrize("policy", ["fcfs", "clockwork", "least_loaded", "instance_aware", "kairos"])
@pytest.mark.parametrize("serving", [SPLITTING, BOTH], ids=str)
def test_all_parts_of_a_query_begin_at_once_where_instances_are_idle(policy: str, serving: Serving) -> None:
    """Six units on types that serve three at once are two parts; they end at 14 and 12 ms, the query with the later."""
    case = by_hand(in_batches(LINES, serving, [3, 3]), [0.0], [6], [1, 1], (1.0, 0.0))
    happened = played(case, policy)
    assert [[3, 3]] == happened.served_rows.tolist()
    assert [0.0] == happened.started_ms.tolist()
    assert [14.0] == happened.finished_ms.tolist()
    assert [14.0, 12.0] == happened.busy_ms.tolist()


def test_deeprecsys_serves_a_query_in_parts_side_by_side() -> None:
    """Four units whose parts may take 12 ms are two of two: done at 12 ms, when the slower half is."""
    case = by_hand(in_batches(LINES, SPLITTING), [0.0], [4], [2, 2], (9.0, 0.12))
    happened = played(case, "deeprecsys")
    assert [[0, 4]] == happened.served_rows.tolist()
    assert [8.0] == happened.finished_ms.tolist()
    alone = played(replace(case, counts=np.array([1, 0])), "deeprecsys")
    assert [24.0] == alone.finished_ms.tolist()


def test_large_queries_begin_on_all_idle_base_instances() -> None:
    """A query over the threshold and over the largest batch of the base type is on two of its instances at once."""
    case = by_hand(in_batches(LINES, SPLITTING, [3, 10]), [0.0], [6], [3, 1], (1.0, 1.0))
    happened = played(case, "deeprecsys")
    assert 0 == service(case.table).base
    assert [[6, 0]] == happened.served_rows.tolist()
    assert [14.0] == happened.finished_ms.tolist()


@pytest.mark.parametrize("serving", [ONE_AT_A_TIME, *IN_BATCHES], ids=str)
@pytest.mark.parametrize("policy", NAMES)
def test_any_number_of_pieces_may_queue(policy: str, serving: Serving) -> None:
    """A thousand queries for two instances at once are all served, and no instance is idle before it is done.

    But under shadow, which lets late queries wait for the type where they are cheapest.
    """
    case = by_hand(in_batches(LINES, serving), [0.0] * 1000, [1, 2, 3, 1] * 250, [1, 1], (1.0, 0.0))
    happened = played(case, policy, known=service(case.table, case.counts))
    assert (happened.finished_ms > 0).all()
    ends_ms = [happened.finished_ms[happened.served_by == instance].max() for instance in range(2)]
    if policy != "shadow":
        assert ends_ms == pytest.approx(happened.busy_ms.tolist())


def test_a_policy_that_lets_all_wait_for_ever_is_an_error() -> None:
    """Told that every batch is beyond the limit and slower than elsewhere, fcfs serves nothing, and the run says so."""
    case = by_hand(in_batches(LINES, MERGING), [0.0, 1.0], [1, 1], [1, 0], (0.0, 0.0))
    nothing_fits = service(case.table, case.counts)._replace(fastest_ms=np.zeros(10))
    with pytest.raises(RuntimeError, match="a policy let all queries wait, and nothing would ever happen"):
        played(case, "fcfs", known=nothing_fits)
