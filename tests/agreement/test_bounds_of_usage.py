"""Where usage passes a bound, definition, DuckDB and recount refuse it alike; below it all three agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.agreement.stored_events import SUBJECTS, TYPE, Row, atoms_text, decimal_of, manifest_of
from tieout.aggregate import sum as sum_rule
from tieout.aggregate.breakdown import Breakdown, TooManyGroups
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.measure import measure
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.engines import duckdb_levels
from tieout.engines.duckdb_connection import connected
from tieout.engines.duckdb_engine import DuckEngine
from tieout.engines.recount import recount
from tieout.kernel import limits, quantity
from tieout.kernel.ids import (
    CustomerId,
    MeterKey,
    Position,
    SourceName,
    SubscriptionId,
    Watermark,
)
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import QuantityOverflow, Unmeasurable

UNIT = 10**12
HOURS = Period(Instant(0), Instant(10 * HOUR_MICROSECONDS))


def request(aggregation: Aggregation, breakdown: Breakdown | None = None) -> UsageRequest:
    field = None if aggregation is Aggregation.COUNT else "amount"
    meter = Meter(
        key=MeterKey("m"), version=1, effective_from=Instant(0), definition="", owner="", event=TYPE,
        aggregation=aggregation, field=field, unit="u", dimensions=(), filter=(), exclusions=(), digest="d",
    )  # fmt: skip
    span = ClippedSpan(SUBJECTS[0], HOURS.start, HOURS.end)
    asked = UsageRequest(meter, SubscriptionId("s"), CustomerId("c"), HOURS, (span,))
    return asked if breakdown is None else replace(asked, breakdown=breakdown)


def row(place: int, atoms: int, hour: int = 0) -> Row:
    event = MeterEvent(
        Position(1, place),
        SourceName("g"),
        str(place),
        TYPE,
        SUBJECTS[0],
        Instant(hour * HOUR_MICROSECONDS),
        7,
        2**64 - 1,
        {"amount": atoms_text(atoms)},
    )
    return Row(2, event, {"amount": decimal_of(atoms)})


def answers(
    asked: UsageRequest, stored: list[Row], folder: Path
) -> tuple[Snapshot | type[Unmeasurable], Snapshot | type[Unmeasurable], str | None]:
    """What the definition and DuckDB say, a refusal by its class, and the recount's refusal."""
    manifest = manifest_of(folder, stored, sealed_batches=1, watermark=1)
    try:
        meaning: Snapshot | type[Unmeasurable] = measure(asked, [each.event for each in stored], Watermark(1))
    except Unmeasurable as refused:
        meaning = type(refused)
    (found,) = DuckEngine(threads=1).measure_each([asked], manifest)
    (again,) = recount([asked], manifest)
    return meaning, found if isinstance(found, Snapshot) else type(found), again.refusal


BY_AMOUNT = Breakdown(amount_field="amount")


@pytest.mark.parametrize(
    ("bound", "asked", "below", "more"),
    [
        (2, request(Aggregation.SUM), [row(0, UNIT), row(1, 1 - UNIT)], row(2, 1)),
        (2, request(Aggregation.AVERAGE), [row(0, UNIT), row(1, 1 - UNIT)], row(2, 1)),
        (2, request(Aggregation.COUNT, BY_AMOUNT), [row(0, UNIT), row(1, 1 - UNIT)], row(2, -1)),
        (3, request(Aggregation.TIME_WEIGHTED), [row(0, UNIT, 7), row(1, 1 - UNIT, 9)], row(2, -UNIT, 9)),
        (2, request(Aggregation.TIME_WEIGHTED), [row(0, UNIT, -5), row(1, -1, 1)], row(2, UNIT, 9)),
    ],
)
def test_at_the_bound_all_three_refuse_and_one_atom_below_none_does(
    bound: int,
    asked: UsageRequest,
    below: list[Row],
    more: Row,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bound is lowered: 10^26 would need 10^8 events of the largest value."""
    monkeypatch.setattr(sum_rule, "QUANTITY_TOTAL_MAX", bound)
    monkeypatch.setattr(quantity, "QUANTITY_TOTAL_MAX", bound)
    meaning, found, refusal = answers(asked, below, tmp_path)
    assert isinstance(meaning, Snapshot)
    assert found == meaning and refusal is None
    assert answers(asked, [*below, more], tmp_path) == (
        QuantityOverflow,
        QuantityOverflow,
        QuantityOverflow.code,
    )


@pytest.mark.parametrize(
    "aggregation", [Aggregation.MAX, Aggregation.MIN, Aggregation.LAST, Aggregation.UNIQUE]
)
def test_what_does_not_add_up_has_no_bound(
    aggregation: Aggregation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sum_rule, "QUANTITY_TOTAL_MAX", 1)
    monkeypatch.setattr(quantity, "QUANTITY_TOTAL_MAX", 1)
    meaning, found, refusal = answers(request(aggregation), [row(0, 5 * UNIT), row(1, UNIT)], tmp_path)
    assert isinstance(meaning, Snapshot)
    assert found == meaning and refusal is None


def test_more_groups_than_a_snapshot_may_have_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GROUPS_PER_SNAPSHOT_MAX", 2)
    asked = request(Aggregation.SUM, Breakdown(by_value=True))
    meaning, found, refusal = answers(asked, [row(0, 1), row(1, 2), row(2, 2)], tmp_path)
    assert isinstance(meaning, Snapshot)
    assert found == meaning and refusal is None
    assert [str(group.quantity) for group in meaning.groups] == ["0.000000000001", "0.000000000004"]
    three = [row(0, 1), row(1, 2), row(2, 3)]
    assert answers(asked, three, tmp_path) == (TooManyGroups, TooManyGroups, TooManyGroups.code)
    assert "more than 2 groups" in str(TooManyGroups("m"))


def test_ten_million_of_the_greatest_levels_for_ten_thousand_years_do_not_wrap() -> None:
    """The same columns that the engine asks for, over a generated relation."""
    copies, units, atoms, duration = 10_000_000, 10**18 - 1, 10**12 - 1, 2**58 - 1
    with connected(None) as connection:
        limbs = ", ".join(expression for expression, _ in duckdb_levels.LIMBS)
        found = connection.execute(
            f"SELECT {limbs} FROM (SELECT -{units}::BIGINT AS units, -{atoms}::BIGINT AS atoms, "
            f"{duration}::BIGINT AS duration FROM range({copies}))"
        ).fetchone()
        assert {str(column[1]) for column in connection.description} == {"HUGEINT"}
    assert found is not None
    joined = [high * 2**32 + low for high, low in zip(found[::2], found[1::2], strict=True)]
    assert joined == [each * duration * copies for each in (-units, -atoms, units, atoms)]
