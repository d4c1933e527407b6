"""The verdict on files: `kairos.validation/1`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kairos_cli.errors import InputError
from kairos_cli.report.document import Document
from kairos_cli.report.sections import Section


def validation_document(checked: Sequence[tuple[Path, str, Any]]) -> Document:
    """Return the document of files, each with its schema and its value or its error."""
    return {
        "schema": "kairos.validation/1",
        "files": [
            {
                "file": str(path),
                "kind": schema,
                "valid": not isinstance(value, InputError),
                "problems": [str(each) for each in value.problems] if isinstance(value, InputError) else [],
            }
            for path, schema, value in checked
        ],
    }


def validation_sections(document: Document) -> list[Section]:
    """Return one line a file; the problems themselves are messages, not part of the answer's table."""
    rows = [
        (
            each["file"],
            each["kind"] or "unknown",
            "valid" if each["valid"] else f"{len(each['problems'])} problem{'s' * (len(each['problems']) != 1)}",
        )
        for each in document["files"]
    ]
    return [Section("Files", ("file", "kind", "verdict"), rows)]
