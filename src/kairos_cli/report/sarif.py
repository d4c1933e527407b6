"""A check as SARIF 2.1.0 (OASIS), the form in which code scanning takes results: one for each broken limit."""

from __future__ import annotations

from urllib.parse import quote

from kairos_cli import __version__
from kairos_cli.planner.limits import __doc__ as _MEANING
from kairos_cli.report.check_text import name_text
from kairos_cli.report.document import Document, json_text

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL = {"fail": "error", "warn": "warning"}
