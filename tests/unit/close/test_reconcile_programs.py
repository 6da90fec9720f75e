"""A blended program holds the invoice, however it came about."""

from __future__ import annotations

from dataclasses import replace

from tests.records import JANUARY, SUBSCRIPTION, plan, price
from tests.unit.close.test_program_segments import program
from tieout.close.reconcile_programs import TIE_PROGRAM, program_breaks
from tieout.contract.price import Flat
from tieout.contract.program import Program
from tieout.invoice.line import Line, settled_line
from tieout.kernel.ids import InvoiceId
from tieout.kernel.rational import exact
from tieout.rate.rate import rate

ONE, OTHER = program("one", "one/a", "one/b"), program("other", "other/a")


def lines(*named: tuple[str, Program | None]) -> list[Line]:
    charges = [
        rate(
            None,
            price(Flat(exact("1.00")), meter=None, key=key),
            plan=plan(key),
            subscription=SUBSCRIPTION,
            period=JANUARY,
            segment=JANUARY,
            program=of,
        )
        for key, of in named
    ]
    return [
        settled_line(InvoiceId("in"), place, charge, zone_name="UTC")
        for place, charge in enumerate(charges, start=1)
    ]


HONEST = lines(("own", None), ("one/a", ONE), ("one/b", ONE), ("other/a", OTHER))


def test_programs_that_stand_apart_are_no_break() -> None:
    assert program_breaks(HONEST) == []
    assert program_breaks(lines(("own", None))) == []


def test_a_price_of_another_program_is_a_break() -> None:
    found = program_breaks(lines(("one/a", ONE), ("other/a", ONE)))
    assert [(each.tie, each.found) for each in found] == [(TIE_PROGRAM, "in-002: other/a")]


def test_a_price_with_and_without_its_program_is_a_break() -> None:
    found = program_breaks(lines(("one/a", None), ("one/a", ONE)))
    assert [each.found for each in found] == ["in-002: one/a under one"]


def test_a_program_in_two_places_is_a_break() -> None:
    found = program_breaks([HONEST[1], HONEST[3], HONEST[2]])
    assert [each.found for each in found] == ["one of subscription sub-1 in 2 places"]


def test_versions_of_one_program_stand_together() -> None:
    later = replace(ONE, version=2)
    assert program_breaks(lines(("one/a", ONE), ("one/a", later), ("one/b", later))) == []
