"""Invoice numbers: gapless in a series, given once. The books hand out ordinals as they seal."""

from __future__ import annotations

NUMBER_DIGITS_MIN = 6


def format_number(series: str, ordinal: int) -> str:
    """`INV-000001`; a series that outgrows six digits goes on with seven."""
    assert ordinal >= 1, ordinal
    return f"{series}-{ordinal:0{NUMBER_DIGITS_MIN}d}"
