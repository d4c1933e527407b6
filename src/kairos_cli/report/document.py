"""Documents and the two formats that carry them whole: JSON and CSV.

A document's first key is its `schema`. It holds no time stamp and no path of this machine; numbers are
rounded once, here, so that the same question gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

Document = dict[str, Any]

_FLAT_LIST = re.compile(r"\[\s+([^\[\]{}]*?)\s+\]")


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a number for a document."""
    return None if value is None else round(float(value), digits)


def json_text(document: Document) -> str:
    """Return the document as JSON: indented, but each list of plain values on one line."""
    indented = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return _FLAT_LIST.sub(lambda match: "[" + re.sub(r",\s+", ", ", match[1]) + "]", indented) + "\n"


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a header; a pool is written as on the command line, nothing as an empty cell."""
    out = io.StringIO()
    rows = list(rows)
    if rows:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return ",".join(f"{key}={each}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value
