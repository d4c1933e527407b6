"""Where a query's batch size is read: the first input's first dimension, a header, or a place in the JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from kairos_cli.router.open_inference import Body, batch_size
from kairos_cli.router.refused import Refused

BatchSource = Callable[[Body, Mapping[str, str]], int]


def batch_source(text: str | None) -> BatchSource:
    """Return the source of `header:NAME` or `json:PATH`, the shape if none is given; raises ValueError for others.

    A path names the keys from the outside in, `parameters.items`, or numbers in lists, `inputs.0.shape.0`. A list found
    there counts by its length.
    """
    if text is None:
        return lambda body, headers: batch_size(body)
    kind, _, where = text.partition(":")
    if not where or kind not in ("header", "json"):
        raise ValueError(f"cannot read {text!r}")
    if kind == "header":
        return lambda body, headers: in_header(headers, where)
    keys = where.split(".")
    return lambda body, headers: _in_json(body.text, keys)


def in_header(headers: Mapping[str, str], name: str) -> int:
    """Return the batch size that a header tells; raises Refused where it does not."""
    written = headers.get(name)
    if written is None:
        raise Refused(f"the header {name}, which tells the batch size, is missing")
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        raise Refused(f"the header {name} must be a batch size, got {written[:80]!r}")
    return int(written)


def _in_json(text: bytes, keys: list[str]) -> int:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("the body is no JSON") from None
    for key in keys:
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise Refused(f"the body has no {'.'.join(keys)}, which tells the batch size") from None
    if isinstance(value, list):
        return len(value)
    if type(value) is not int:
        raise Refused(f"{'.'.join(keys)} must be a batch size, got {json.dumps(value)[:80]}")
    return value
