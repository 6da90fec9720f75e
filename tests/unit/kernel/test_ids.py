"""Positions have one text and one order."""

from __future__ import annotations

import pytest

from tieout.kernel.ids import MalformedPosition, Position


def test_order_is_batch_then_row() -> None:
    assert sorted([Position(10, 0), Position(2, 9), Position(2, 10)]) == [
        Position(2, 9),
        Position(2, 10),
        Position(10, 0),
    ]


def test_text_and_back() -> None:
    assert str(Position(61, 5)) == "b61.r5"
    assert Position.parse("b61.r5") == Position(61, 5)


@pytest.mark.parametrize(
    "text",
    ["", "61.5", "b61", "b61.r", "b-1.r5", "b61.r5 ", "b61.r5\n", "b٣.r5", "B61.R5", "b" + "9" * 19 + ".r1"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedPosition):
        Position.parse(text)
