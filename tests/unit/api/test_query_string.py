"""Every parameter is known, and stands there once."""

from __future__ import annotations

import pytest

from tieout.api.answers import Problem
from tieout.api.query_string import FIELDS_MAX, parameters_of

KNOWN = ("customer", "window")


def test_values_are_given_as_they_were_sent() -> None:
    assert parameters_of(b"", KNOWN) == {}
    assert parameters_of(b"window=&customer=a%20b", KNOWN) == {"window": "", "customer": "a b"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (b"costumer=acme", "unknown-parameter"),
        (b"customer=acme&customer=birch", "repeated-parameter"),
        (b"customer=%ff", "malformed-query-string"),
        (b"customer=\xff", "malformed-query-string"),
        (b"&".join([b"customer=a"] * (FIELDS_MAX + 1)), "malformed-query-string"),
    ],
)
def test_a_slip_is_refused(query: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        parameters_of(query, KNOWN)
    assert (refused.value.status, refused.value.code) == (400, code)
