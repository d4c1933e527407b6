"""A check as JUnit XML: a test case for each limit, in the form that Jenkins and GitLab read (junit-10.xsd)."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from kairos_cli.report.check_text import asked_text, name_text
from kairos_cli.report.document import Document

#: XML 1.0 has no way to write most control characters; a file name may have them.
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_text(document: Document) -> str:
    """Return the XML; JUnit knows no warnings, so a limit that warns passes and says so on its output."""
    limits = document["limits"]
    failures = sum(each["status"] == "fail" for each in limits)
    counts = {"tests": str(len(limits)), "failures": str(failures), "errors": "0", "skipped": "0"}
    suite = ElementTree.Element("testsuite", {"name": "kairos check", **counts})
    for each in limits:
        _case(suite, each)
    ElementTree.indent(suite)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suite, encoding="unicode")}\n'


def _case(suite: ElementTree.Element, limit: Document) -> None:
    name = f"{name_text(limit)} {asked_text(limit)}"
    case = ElementTree.SubElement(suite, "testcase", {"classname": "kairos.check", "name": _text(name), "time": "0"})
    message = _text(limit["message"])
    if limit["status"] == "fail":
        ElementTree.SubElement(case, "failure", {"type": limit["name"], "message": message}).text = message
    else:
        warning = "warning: " if limit["status"] == "warn" else ""
        ElementTree.SubElement(case, "system-out").text = f"{warning}{message}"


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
