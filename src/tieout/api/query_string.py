"""Reads a query string of which each parameter is known and stands there once, so that a slip of the pen is
refused and never passed over."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl

from tieout.api.answers import Problem

FIELDS_MAX = 32
NAME_SHOWN_MAX = 64


def parameters_of(query: bytes, known: Collection[str]) -> dict[str, str]:
    """By name, as they were sent. Raises a `Problem` 400."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise Problem(400, "malformed-query-string", f"The query cannot be read: {error}.") from None
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            detail = f"There is no parameter {name[:NAME_SHOWN_MAX]!r}; there are {', '.join(known)}."
            raise Problem(400, "unknown-parameter", detail)
        if name in given:
            raise Problem(400, "repeated-parameter", f"{name}: once is the most.")
        given[name] = value
    return given
