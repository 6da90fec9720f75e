"""Gaps through the whole log: numbers accepted, refused, repeated and resent, in bodies and in segments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.small_home import call, ingest, make_home
from tieout.flows.known_sources import UnknownSource
from tieout.flows.sequence_gaps import gaps
from tieout.ingest.sequence import Ranges

TIME = "2026-02-20T12:00:00Z"


def numbered(id: int, number: object, *, tokens: int = 1, **more: object) -> dict[str, object]:
    return {**call(id, "acme", TIME, tokens=tokens), "sequence": number, **more}


def members(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    accepted=st.lists(st.integers(1, 40), max_size=30),
    refused=st.lists(st.integers(1, 40), max_size=10),
    compacted=st.booleans(),
)
def test_gaps_are_the_difference_of_sets(
    accepted: list[int], refused: list[int], compacted: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home, _ = make_home(tmp_path_factory.mktemp("home") / "home")
    half = len(accepted) // 2
    with home:
        items = [numbered(place, str(number)) for place, number in enumerate(accepted)]
        wrong = [numbered(1_000 + place, str(number), tokens=-1) for place, number in enumerate(refused)]
        ingest(home, [{"no": "event"}, *items[:half], *wrong])
        if compacted:
            home.log.compact(rows_min=1)
        ingest(home, [call(9_999, "acme", TIME), *items])
        found = gaps(home, source="gateway")
    received = set(accepted) | set(refused)
    if not received:
        assert found == ()
        return
    (told,) = found
    everything = set(range(min(received), max(received) + 1))
    assert (told.first, told.last) == (min(received), max(received))
    assert members(told.missing) == everything - received
    assert members(told.not_accepted) == set(refused) - set(accepted)
    assert members(told.repeated) == {number for number in accepted if accepted.count(number) > 1}
    assert told.repeats == len(accepted) - len(set(accepted))
    assert told.unreadable == 0


def test_each_source_counts_for_itself_and_resends_are_no_repeats(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    with home:
        first = [numbered(n, f"{n:04}", sequencetype="Integer") for n in (1, 2, 5)]
        other = [numbered(n, n, source="edge") for n in (7, 9)]
        odd = [
            numbered(20, "x"), numbered(21, "3", sequencetype="Lamport"), numbered(22, "1e3"),
            numbered(23, {"sequence": "4"}), numbered(24, "1" * 19),
        ]  # fmt: skip
        nested = [{**call(30, "acme", TIME), "trace": {"sequence": "3"}}]
        ingest(home, [*first, *other, *odd, *nested, *first])
        conflict = numbered(2, "2", tokens=7)
        ingest(home, [conflict, numbered(40, "4", tokens=-1)])
        edge, gateway = gaps(home)
        assert (edge.source, edge.missing, edge.repeats) == ("edge", ((8, 8),), 0)
        assert (gateway.first, gateway.last, gateway.missing) == (1, 5, ((3, 3),))
        assert (gateway.not_accepted, gateway.repeats, gateway.unreadable) == (((4, 4),), 0, 5)
        assert gaps(home, source="edge") == (edge,)
        with pytest.raises(UnknownSource):
            gaps(home, source="nobody")


def test_a_source_whose_every_number_was_refused_is_told_when_asked_for(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    with home:
        ingest(home, [numbered(n, str(n), tokens=-1) for n in (3, 4)])
        (found,) = gaps(home, source="gateway")
        assert (found.accepted, found.not_accepted, found.missing) == ((), ((3, 4),), ())
