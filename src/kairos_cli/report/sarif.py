"""A check as SARIF 2.1.0 (OASIS standard), the form in which code scanning takes results: one a broken limit."""

from __future__ import annotations

from urllib.parse import quote

from kairos_cli import __version__
from kairos_cli.report.check_text import name_text
from kairos_cli.report.document import Document, json_text

_LEVEL = {"fail": "error", "warn": "warning"}
_RULE = {
    "max_cost": "The pool costs no more than this by the hour.",
    "max_cost_increase": "The pool costs no more than so many per cent above the baseline.",
    "min_qps": "The pool serves this load in simulation.",
    "qos": "So many per cent of the queries are answered in time at the load.",
    "min_headroom": "The load lies at least this far below the rate that the pool serves.",
    "max_gap": "No pool can be better by more than this.",
    "tolerate_loss": "The load is still served after the loss of any so many instances.",
    "fresh_prices": "The price list is no older than this.",
    "pool_unchanged": "The pool recommended now is not better by more than this.",
}


def sarif_text(document: Document) -> str:
    """Return the log of one run; its rules are the limits that were checked."""
    names = list(dict.fromkeys(each["name"] for each in document["limits"]))
    driver = {
        "name": "kairos",
        "semanticVersion": __version__,
        "rules": [{"id": name, "shortDescription": {"text": _RULE[name]}} for name in names],
    }
    results = [_result(document, each, names) for each in document["limits"] if each["status"] != "pass"]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json_text({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]})


def _result(document: Document, limit: Document, names: list[str]) -> Document:
    return {
        "ruleId": limit["name"],
        "ruleIndex": names.index(limit["name"]),
        "level": _LEVEL[limit["status"]],
        "message": {"text": f"{name_text(limit)}: {limit['message']}"},
        "locations": [{"physicalLocation": _place(document, limit)}],
    }


def _place(document: Document, limit: Document) -> Document:
    """Return the line of a limit in a file; of one given by flag, the plan or scenario that was checked."""
    file = limit["file"] or document["plan_file"] or document["scenario_file"]
    uri = quote(str(file).replace("\\", "/"))
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": limit["line"] or 1}}
