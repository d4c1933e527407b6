"""A check in the formats of others: JUnit and SARIF by their published schemas, commands of GitHub Actions."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from kairos_cli.errors import Problem, Source
from kairos_cli.report.github import github_text, problems_text
from kairos_cli.report.junit import junit_text
from kairos_cli.report.sarif import sarif_text
from tests.conftest import ROOT
from tests.report.checks import FAIL, NONE, PASS, WARN, document, limit

JUNIT = xmlschema.XMLSchema(str(ROOT / "tests" / "data" / "junit-10.xsd"))
SARIF = jsonschema.Draft7Validator(json.loads((ROOT / "tests" / "data" / "sarif-2.1.0.json").read_text("utf-8")))
#: What may stand in a message because it stands in a file name or a name: markup, a control character, other scripts.
ODD = limit("min_qps", "fail", '<b> & "it\'s" ]]> \x1b[31m Ω 𝄞\t', file="a b/ß%20,:.toml", line=3)
CHECKS = [
    pytest.param(document(PASS), id="pass"),
    pytest.param(document(PASS, WARN), id="warn"),
    pytest.param(document(FAIL, WARN, PASS, NONE), id="fail"),
    pytest.param(document(ODD), id="odd"),
    pytest.param(document(FAIL, plan_file=None, scenario_file="scenario.toml"), id="no plan"),
]


@pytest.mark.parametrize("check", CHECKS)
def test_junit_follows_the_schema(check: dict[str, Any]) -> None:
    """As Jenkins publishes it."""
    JUNIT.validate(junit_text(check))


def test_the_schema_of_junit_can_fail() -> None:
    """A suite that does not count its failures is none of JUnit's."""
    with pytest.raises(xmlschema.XMLSchemaValidationError, match="missing required attribute 'failures'"):
        JUNIT.validate(junit_text(document(FAIL)).replace('failures="1" ', ""))


def test_junit_has_a_case_for_each_limit() -> None:
    """Failures are counted; one that warns passes, and says so on its output."""
    suite = ElementTree.fromstring(junit_text(document(FAIL, WARN, PASS, NONE)))

    assert ("4", "2", "0") == (suite.get("tests"), suite.get("failures"), suite.get("errors"))
    assert [
        "max_cost at most 2 $/h", "max_gap at most 5 %", "qos p99 at most 350 ms", "tolerate_loss at least 1 instance"
    ] == [each.get("name") for each in suite]  # fmt: skip
    assert ["failure", "system-out", "system-out", "failure"] == [each[0].tag for each in suite]
    assert "warning: 12.0 % above, 50% and\nmore" == suite[1][0].text
    assert "costs 2.150 $/h; at most 2" == suite[0][0].get("message") == suite[0][0].text


@pytest.mark.parametrize("check", CHECKS)
def test_sarif_follows_the_schema(check: dict[str, Any]) -> None:
    """As OASIS publishes it."""
    SARIF.validate(json.loads(sarif_text(check)))


def test_the_schema_of_sarif_can_fail() -> None:
    """SARIF knows no level "fail"."""
    with pytest.raises(jsonschema.ValidationError, match="'fail' is not one of"):
        SARIF.validate(json.loads(sarif_text(document(FAIL)).replace('"error"', '"fail"')))


def test_sarif_has_a_result_for_each_limit_that_does_not_hold() -> None:
    """At its line in a file, or on the first line of the plan; each names its rule."""
    [run] = json.loads(sarif_text(document(FAIL, WARN, PASS)))["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]

    assert ["error", "warning"] == [each["level"] for each in run["results"]]
    assert ["max_cost", "max_gap"] == [
        run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] for each in run["results"]
    ]
    assert [("pool/scenario.toml", 12), ("plan.json", 1)] == [
        (each["artifactLocation"]["uri"], each["region"]["startLine"]) for each in places
    ]


def test_sarif_writes_odd_names_as_uris() -> None:
    """A space, a per cent sign and letters beyond ASCII are escaped."""
    [run] = json.loads(sarif_text(document(ODD)))["runs"]

    assert (
        "a%20b/%C3%9F%2520%2C%3A.toml"
        == (run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
    )


def test_annotations() -> None:
    """An error or a warning for each limit that does not hold, with signs of the command's own escaped."""
    assert (
        "::error file=pool/scenario.toml,line=12,title=kairos check%3A max_cost::costs 2.150 $/h; at most 2\n"
        "::warning file=plan.json,title=kairos check%3A max_gap::12.0 %25 above, 50%25 and%0Amore\n"
    ) == github_text(document(FAIL, WARN, PASS))


def test_an_annotation_names_the_file_from_the_root_of_the_repository() -> None:
    """Wherever in it the check was made; a path that is absolute stays."""
    assert "file=pool/scenario.toml," in github_text(document({**FAIL, "file": "../pool/scenario.toml"}), "team")
    assert "file=team/a b/ß%2520%2C%3A.toml," in github_text(document(ODD), "team")
    assert "file=/plan.json," in github_text(document(WARN, plan_file="/plan.json"), "team")


def test_a_notice_where_all_limits_hold() -> None:
    """The job says that the check was made."""
    assert "::notice title=kairos check::check passed: 1 limit\n" == github_text(document(PASS))


def test_annotations_of_a_check_that_cannot_be_made() -> None:
    """At the line of a file; a flag has no place there."""
    problems = [
        Problem("cannot read 5%", Source("s.toml", 3), "a hint"),
        Problem("no such file", Source("plan.json")),
        Problem("cannot read 'x'", Source("--max-gap")),
        Problem("no pool is given"),
    ]

    assert (
        "::error file=team/s.toml,line=3,title=kairos check cannot be made::cannot read 5%25\n"
        "::error file=team/plan.json,title=kairos check cannot be made::no such file\n"
        "::error title=kairos check cannot be made::--max-gap: cannot read 'x'\n"
        "::error title=kairos check cannot be made::no pool is given\n"
    ) == problems_text(problems, "team")
