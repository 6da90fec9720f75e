"""The meaning of a retraction, case by case."""

from __future__ import annotations

from tests.unit.aggregate.test_select import ANN
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.retraction import Retraction, is_retracted, retracted_as_of
from tieout.kernel.ids import EventType, Position, SourceName, Watermark
from tieout.kernel.instant import Instant

S, T = SourceName("s"), SourceName("t")


def test_it_holds_from_its_own_batch_on_and_the_first_one_wins() -> None:
    retractions = [Retraction(Position(3, 1), S, "e"), Retraction(Position(2, 7), S, "e")]
    assert retracted_as_of(retractions, Watermark(1)) == {}
    assert retracted_as_of(retractions, Watermark(2)) == {(S, "e"): Position(2, 7)}
    assert retracted_as_of(retractions, Watermark(9)) == {(S, "e"): Position(2, 7)}


def test_it_names_an_identity_and_no_position() -> None:
    known = retracted_as_of([Retraction(Position(1, 0), S, "e")], Watermark(1))
    for source, event_id, expected in ((S, "e", True), (T, "e", False), (S, "E", False), (S, "e ", False)):
        event = MeterEvent(Position(9, 9), source, event_id, EventType("x"), ANN, Instant(0), 1, 1, {})
        assert is_retracted(event, known) is expected
