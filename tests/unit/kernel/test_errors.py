"""Each branch of the error tree has its exit code; a stranger's text cannot break a message."""

from __future__ import annotations

import pytest

from tieout.kernel.errors import (
    SHOWN_LENGTH_MAX,
    ConflictError,
    IntegrityViolation,
    NotFound,
    Refusal,
    TieoutError,
    Unavailable,
    shown,
)
from tieout.kernel.money import CurrencyMismatch
from tieout.kernel.quantity import QuantityOverflow
from tieout.kernel.rounding import ImpossibleAllocation


@pytest.mark.parametrize(
    ("branch", "exit_code"),
    [
        (TieoutError, 1),
        (Refusal, 2),
        (NotFound, 3),
        (ConflictError, 4),
        (Unavailable, 5),
        (IntegrityViolation, 6),
    ],
)
def test_exit_codes(branch: type[TieoutError], exit_code: int) -> None:
    assert branch.exit_code == exit_code


def test_shown_text_is_escaped_and_short() -> None:
    assert shown("a\n\x1b[31m\u202e") == r"'a\n\x1b[31m\u202e'"
    assert len(shown("\U0001f4b6" * 10_000)) < SHOWN_LENGTH_MAX * 10 + 40
    assert shown("x" * 10_000).endswith("(10000 characters)")


def test_only_a_difference_that_a_check_found_ends_with_1() -> None:
    """A broken invariant of money is an integrity violation; usage beyond the bounds is refused."""
    assert CurrencyMismatch.exit_code == 6
    assert ImpossibleAllocation.exit_code == 6
    assert QuantityOverflow.exit_code == 2
