"""Mixtures of distributions: the `[[component]]` tables of a query mix."""

from __future__ import annotations

import math
import re
from itertools import pairwise

from kairos_cli.loading.limits import LARGEST_BATCH_SIZE, is_number
from kairos_cli.loading.toml_file import Key, TomlFile

#: How far the chances of a mix may be from summing to one: room for rounded decimals, not for a lost row.
SUM_TOLERANCE = 1e-4
_FRACTION = re.compile(r"(\d{1,9})/(\d{1,9})")
_SHARE_HINT = 'a number, or a text like "8/99"'


def mixture(file: TomlFile) -> dict[int, float]:
    """Return the chance of each size, summed over the components."""
    weights: dict[int, float] = {}
    total = 0.0
    for index, _ in enumerate(file.of_type(list, "component") or []):
        share, part = _component(file, "component", index)
        total += share
        _add(weights, part, share)
    check_sum(file, total, "the shares of the components", "component")
    return weights


def check_sum(file: TomlFile, total: float, what: str, *at: str) -> None:
    """Note chances that do not sum to one, unless they are wrong in another way already."""
    if not file.problems and abs(total - 1) > SUM_TOLERANCE:
        file.problem(f"{what} sum to {total:.6g}, not to 1", *at, hint="is one missing, or one too many?")


def size_at(file: TomlFile, *at: Key) -> int | None:
    """Return the batch size at `at`, or None after noting a problem."""
    value = file.of_type(int, *at)
    if value is None:
        return None
    if not 1 <= value <= LARGEST_BATCH_SIZE:
        file.problem(f"{at[-1]!r} must lie between 1 and {LARGEST_BATCH_SIZE}, got {value}", *at)
        return None
    return int(value)


def _add(weights: dict[int, float], part: dict[int, float], share: float) -> None:
    """Add a share of the chances of one distribution to the weights."""
    for size, chance in part.items():
        weights[size] = weights.get(size, 0.0) + share * chance


def _component(file: TomlFile, *at: Key) -> tuple[float, dict[int, float]]:
    """Return a component's share, and the chances of its distribution."""
    read = {"uniform": _uniform_at, "lognormal": _lognormal_at}
    file.expect_keys(["share", *read], *at)
    share = _share(file, *at, "share")
    given = [each for each in read if file.value(*at, each) is not None]
    if len(given) > 1:
        file.problem(f"a component has one distribution, found {' and '.join(given)}", *at)
        return share, {}
    way = given[0] if given else "uniform"
    if file.of_type(dict, *at, way) is None:
        return share, {}
    return share, read[way](file, *at, way)


def _share(file: TomlFile, *at: Key) -> float:
    """Return a share given as a number or as a fraction such as "8/99"."""
    value = file.value(*at)
    if value is None:
        file.missing(*at, hint=_SHARE_HINT)
        return 0.0
    fraction = _FRACTION.fullmatch(value) if isinstance(value, str) else None
    share = int(fraction[1]) / (int(fraction[2]) or math.nan) if fraction else value
    if not (is_number(share) and 0 < share <= 1):
        file.problem(f"'share' must lie between 0 and 1, got {value!r}", *at, hint=_SHARE_HINT)
        return 0.0
    return float(share)


def _uniform_at(file: TomlFile, *at: Key) -> dict[int, float]:
    """Return sizes that are all alike."""
    file.expect_keys(["from", "to"], *at)
    return _uniform(_range(file, *at))


def _uniform(sizes: range) -> dict[int, float]:
    return dict.fromkeys(sizes, 1 / max(len(sizes), 1))


def _lognormal_at(file: TomlFile, *at: Key) -> dict[int, float]:
    """Return a log-normal size, rounded up, kept inside a range; what falls outside is uniform elsewhere."""
    file.expect_keys(["mu", "sigma", "from", "to", "otherwise_from", "otherwise_to"], *at)
    mu, sigma = (file.positive_at(*at, key, what=key) for key in ("mu", "sigma"))
    inside, outside = _range(file, *at), _range(file, *at, prefix="otherwise_")
    if mu is None or sigma is None:
        return {}
    weights = _lognormal(mu, sigma, inside)
    _add(weights, _uniform(outside), 1 - sum(weights.values()))
    return weights


def _lognormal(mu: float, sigma: float, sizes: range) -> dict[int, float]:
    """Return the chances of a log-normal draw: one between two whole numbers counts as the next of them."""

    def below(size: int) -> float:
        return 0.5 * (1 + math.erf((math.log(size) - mu) / sigma / math.sqrt(2)))

    # The first size has no width: what is drawn below it is outside.
    return {high: below(high) - below(low) for low, high in pairwise(sizes)}


def _range(file: TomlFile, *at: Key, prefix: str = "") -> range:
    """Return the sizes between `from` and `to`, both included; none after noting a problem."""
    first, last = (size_at(file, *at, f"{prefix}{end}") for end in ("from", "to"))
    if first is None or last is None:
        return range(0)
    if last < first:
        file.problem(f"'{prefix}to' is {last}, less than '{prefix}from' {first}", *at)
        return range(0)
    return range(first, last + 1)
