"""The one exception for a request or an answer that cannot be used."""

from __future__ import annotations

import json


class Refused(Exception):
    """What came over the wire cannot be used: `status` is the HTTP status to answer with, `message` says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    @property
    def body(self) -> bytes:
        """Return the error object of the protocol."""
        return error_body(self.message)


def error_body(message: str) -> bytes:
    """Return the body of an answer that is an error, as the protocol defines it."""
    return json.dumps({"error": message}).encode()
