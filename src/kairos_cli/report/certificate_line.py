"""What the certificate of a plan proves, in one sentence."""

from __future__ import annotations

from kairos_cli.report.document import Document

#: What a search that names pools by integer program ended with.
_ENDED = {
    "bound": "",
    "every_pool": "",
    "no_better": ", the last of them not better",
    "time_limit": " until the time limit",
}


def qps_text(value: float | None) -> str:
    """Return a rate with four significant digits or more, or a dash."""
    return "–" if value is None else f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def certificate_line(document: Document) -> str:
    """Return what the certificate says."""
    certificate, other = document["certificate"], document["certificate"]["best_other_capacity_qps"]
    if document["scenario"]["budget_usd_per_hour"] is None:
        if document["verified"] and certificate["method"] == "integer program":
            return (
                f"too many pools to list; {certificate['pools_simulated']} were simulated"
                f"{_ENDED[certificate['ended']]}; this one costs at most {certificate['gap_percent']:.1f} % more than "
                "the cheapest that has the capacity for the load"
            )
        if document["verified"]:
            return (
                f"{certificate['pools_simulated']} pools were simulated in the order of their cost; this is the first "
                "that carries the load"
            )
        return (
            "no cheaper pool has the capacity for the load: proven by integer program"
            if certificate["gap_percent"] < 0.01
            else f"no pool that carries the load is more than {certificate['gap_percent']:.2f} % cheaper"
        )
    if certificate["method"] == "integer program" and document["verified"]:
        return _searched_line(certificate)
    if certificate["method"] == "integer program":
        return (
            f"too many pools to list; by integer program none has more than {certificate['gap_percent']:.2f} % "
            "over this capacity"
        )
    looked_at = (
        f"{certificate['pools_within_budget']} pools fit the budget, {certificate['pools_enumerated']} of them "
        "can meet the target"
    )
    if other is None:
        return f"{looked_at}: there is no other choice"
    if document["verified"]:
        return (
            f"{looked_at}; {certificate['pools_simulated']} were simulated, the other "
            f"{certificate['pools_discarded']} have a capacity below the verified rate"
        )
    if certificate["gap_percent"] > 0:
        return f"{looked_at}; another one's capacity, {qps_text(other)}, is {certificate['gap_percent']:.1f} % above"
    return f"{looked_at}; no other one can serve more than {qps_text(other)} queries/s"


def _searched_line(certificate: Document) -> str:
    """Return what a search by integer program proves, and what its gap is made of."""
    number, gap = certificate["pools_simulated"], certificate["gap_percent"]
    simulated = (
        f"too many pools to list; {number} {'were' if number > 1 else 'was'} simulated in the order of "
        f"capacity{_ENDED[certificate['ended']]}"
    )
    if gap < 0.005:
        return f"{simulated}; no other one can serve more"
    return (
        f"{simulated}; another one could serve at most {gap:.1f} % more: {certificate['gap_own_percent']:.1f} % is "
        f"what queueing and distribution cost this one, {certificate['gap_others_percent']:.1f} % the capacity that "
        "others have more"
    )
