"""A program's prices are rated beside the plan's own, under the program's version, and stand together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.records import JANUARY, POLICY, SELLER, customer, period, plan, price, snapshot
from tests.unit.close.test_segments import at, catalog, subscription
from tieout.close.rating import charges
from tieout.close.segments import NothingInForce, Segment, segments
from tieout.contract.catalog import Catalog
from tieout.contract.price import Flat, PerUnit
from tieout.contract.program import Program
from tieout.contract.versions import Versions
from tieout.invoice.document import document
from tieout.invoice.draft import draft
from tieout.kernel.ids import PlanKey, PriceKey, ProgramKey, Watermark
from tieout.kernel.rational import exact

PRICES = (
    price(PerUnit(exact("1"), exact("1")), key="usage"),
    price(PerUnit(exact("2"), exact("1")), key="p/usage"),
    price(Flat(exact("31")), meter=None, key="p/fee"),
    price(Flat(exact("62")), meter=None, key="q/fee"),
)
BOTH = replace(
    plan("usage"), key=PlanKey("basic"), programs=(ProgramKey("q-program"), ProgramKey("a-program"))
)


def program(key: str, *prices: str, version: int = 1, since: str = "2025-01-01") -> Program:
    return Program(
        key=ProgramKey(key),
        version=version,
        effective_from=at(since),
        name=key.title(),
        provider="Provider",
        source="https://example.com",
        as_of=date(2025, 1, 1),
        charged_to="the platform",
        currency="USD",
        prices=tuple(PriceKey(name) for name in prices),
        cadence=None,
        digest=f"{key}-{version}-digest",
    )


def with_programs(*programs: Program) -> Catalog:
    return replace(catalog(plans=(BOTH,), prices=PRICES), programs=Versions(programs))


def found(*programs: Program) -> list[Segment]:
    return segments(with_programs(*programs), subscription(("basic", "2026-01-01", None)), JANUARY)


def test_each_price_is_rated_under_its_own_program_and_no_other() -> None:
    named = [
        (each.price.key, None if each.program is None else each.program.reference)
        for each in found(program("a-program", "p/usage", "p/fee"), program("q-program", "q/fee"))
    ]
    assert named == [
        ("usage", None),
        ("q/fee", "q-program v1"),
        ("p/usage", "a-program v1"),
        ("p/fee", "a-program v1"),
    ]


def test_a_new_version_of_a_program_splits_its_own_prices_only() -> None:
    parts = [
        (each.price.key, each.part, None if each.program is None else each.program.version)
        for each in found(
            program("a-program", "p/usage"),
            program("a-program", "p/usage", "p/fee", version=2, since="2026-01-11"),
            program("q-program", "q/fee"),
        )
    ]
    assert parts == [
        ("usage", JANUARY, None),
        ("q/fee", JANUARY, 1),
        ("p/usage", period("2026-01-01", "2026-01-11"), 1),
        ("p/usage", period("2026-01-11", "2026-02-01"), 2),
        ("p/fee", period("2026-01-11", "2026-02-01"), 2),
    ]


def test_a_change_of_plan_does_not_split_a_program_that_both_list() -> None:
    """An account that was paid before and after it would otherwise be two active accounts of one month."""
    pro = replace(BOTH, key=PlanKey("pro"), programs=(ProgramKey("a-program"),))
    programs = (program("a-program", "p/usage", "p/fee"), program("q-program", "q/fee"))
    both = replace(catalog(plans=(BOTH, pro), prices=PRICES), programs=Versions(programs))
    phases = subscription(("basic", "2026-01-01", "2026-01-11"), ("pro", "2026-01-11", None))
    first, second = period("2026-01-01", "2026-01-11"), period("2026-01-11", "2026-02-01")
    assert [(each.price.key, each.plan.key, each.part) for each in segments(both, phases, JANUARY)] == [
        ("usage", "basic", first),
        ("q/fee", "basic", first),
        ("p/usage", "basic", JANUARY),
        ("p/fee", "basic", JANUARY),
        ("usage", "pro", second),
    ]


def test_a_program_that_is_not_in_force_is_an_error_and_not_free() -> None:
    with pytest.raises(NothingInForce, match="program a-program"):
        found(program("a-program", "p/usage", since="2026-01-11"), program("q-program", "q/fee"))


def test_lines_of_a_program_stand_together_under_its_version() -> None:
    split = found(
        program("a-program", "p/usage", "p/fee"),
        program("q-program", "q/fee"),
        program("q-program", "q/fee", version=2, since="2026-01-11"),
    )
    parts = {each.part for each in split if each.meter is not None}
    rated = charges(split, [snapshot("10", over=part) for part in sorted(parts)])
    invoice = draft(
        customer=customer(zone="UTC"),
        seller=SELLER,
        period=JANUARY,
        charges=rated,
        cutoff=Watermark(7),
        policy=POLICY,
        tzdata_version="1",
        software_version="1",
    )
    paper = document(invoice)
    assert isinstance(paper, dict)
    lines = paper["lines"]
    assert isinstance(lines, list)
    assert [(line["price"], line.get("program", {}).get("name"), line["amount"]) for line in lines] == [
        ("usage", None, "10.00"),
        ("q/fee", "Q-Program", "20.00"),
        ("q/fee", "Q-Program", "42.00"),
        ("p/usage", "A-Program", "20.00"),
        ("p/fee", "A-Program", "31.00"),
    ]
    assert [line["program"]["version"].text for line in lines[1:]] == ["1", "2", "1", "1"]
    assert lines[1]["program"]["digest"] == "q-program-1-digest"
