"""The batch size of a query, from the arguments of the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kairos_cli.errors import InputError
from kairos_cli.router.refused import Refused

#: Where the batch size is unless told otherwise.
FIRST_ARGUMENT = "0"


def argument(text: object) -> int | str:
    """Return the place or the name of an argument; raises InputError for what is neither."""
    if isinstance(text, str) and text.isdecimal():
        return int(text)
    if isinstance(text, str) and text.isidentifier():
        return text
    hint = "write the place of a positional argument, such as '0', or the name of a keyword argument"
    raise InputError.of(f"cannot read {text!r}", "batch_from", hint)


def items(args: Sequence[Any], kwargs: Mapping[str, Any], where: int | str) -> int:
    """Return the batch size that an argument tells: itself, if it is a number, or else its first dimension.

    Raises Refused if there is no such argument or it has no size.
    """
    try:
        value = args[where] if isinstance(where, int) else kwargs[where]
    except (IndexError, KeyError):
        raise Refused(f"the call has no argument {where!r}, which tells the batch size") from None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    shape = getattr(value, "shape", None)
    if shape:
        return int(shape[0])
    try:
        return len(value)
    except TypeError:
        raise Refused(f"argument {where!r} tells no batch size: it is a {type(value).__name__}") from None
