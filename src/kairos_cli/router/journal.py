"""What happens in a router, one JSON object a line."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime


class Journal:
    """Writes events with their time; `write` takes one line without its end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def tell(self, event: str, **fields: object) -> None:
        """Write that something happened."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._write(json.dumps({"time": time, "event": event, **fields}, ensure_ascii=False, default=str))


class LibraryLog(logging.Handler):
    """Hands what libraries log on to a journal, so that all lines are of one kind."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        fields = {"error": str(record.exc_info[1])} if record.exc_info and record.exc_info[1] else {}
        self._journal.tell("library", logger=record.name, message=record.getMessage(), **fields)
