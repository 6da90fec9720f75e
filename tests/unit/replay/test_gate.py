"""What makes a set no gate, each by itself, though nothing differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tieout.kernel.instant import Instant
from tieout.replay.call import Call, CallKind
from tieout.replay.coverage import coverage
from tieout.replay.face import Expected, Face, Origin, Recording, What
from tieout.replay.gate import COVERED, Contents, gate_failures

LINES = Expected("expected/lines.csv", What.LINES, Origin.SCRIPT, "Dana", "a" * 64)
FACE = Face("small", "a test", expected=(LINES,))
GOOD = Contents(FACE, (), (), ())
ALL = dict.fromkeys(COVERED, 1)


def failures(contents: Contents, *, waivers: int = 0, **lacking: int) -> tuple[str, ...]:
    """Of a set that states every amount."""
    return gate_failures(contents, {**ALL, **lacking}, waivers=waivers)


def test_a_set_with_everything_is_a_gate() -> None:
    assert failures(GOOD) == ()


@pytest.mark.parametrize("name", COVERED)
def test_each_thing_that_lacks_fails_the_gate(name: str) -> None:
    assert failures(GOOD, **{name: 0}) == (COVERED[name],)


def test_each_thing_that_may_not_be_there_fails_the_gate() -> None:
    manual = Call(7, Instant(0), CallKind.MANUAL_LINE)
    recorded = replace(LINES, file="expected/own.csv", origin=Origin.RECORDED)
    totals = replace(LINES, what=What.TOTALS)
    cases = (
        (replace(GOOD, edited=("calls.jsonl",)), "edited since they were frozen or stated: calls.jsonl"),
        (replace(GOOD, loose=("a", "b")), "2 files are not frozen, a first (tieout replay freeze)"),
        (replace(GOOD, calls=(manual,)), "1 manual lines, in calls.jsonl from line 7 on"),
        (
            replace(GOOD, copied=("expected/mine.csv",)),
            "word for word what the product recorded, whoever stands for it: expected/mine.csv",
        ),
        (
            replace(GOOD, face=replace(FACE, recording=Recording("1", left_out=("2 voided papers",)))),
            "the recorded home also had 2 voided papers",
        ),
        (
            replace(GOOD, face=replace(FACE, expected=(LINES, recorded))),
            "recorded from the product, so true by itself: expected/own.csv",
        ),
        (
            replace(GOOD, face=replace(FACE, expected=(totals,))),
            "no invoice line is expected by anybody outside of the product",
        ),
    )
    for contents, why in cases:
        assert failures(contents) == (why,)
    assert failures(GOOD, waivers=2) == ("2 waivers let differences pass",)
    assert gate_failures(GOOD, ALL, waivers=0, without_amount=3) == (
        "3 lines are billed of which nobody outside states an amount",
    )
    assert gate_failures(GOOD, ALL, waivers=0, stopped=("acme", "birch")) == (
        "2 accounts were held or parked in the end, acme first",
    )


def test_nothing_covers_nothing() -> None:
    assert coverage(repeated=0, conflicts=0, late=0, crossings=0, lines=()) == dict.fromkeys(COVERED, 0)
