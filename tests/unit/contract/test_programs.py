"""A program names its source and its day, and is never blended with another or with the plan's own prices."""

from __future__ import annotations

import pytest

from tests.unit.contract.sample import documents_of, problems_of, with_changes
from tieout.contract.check import check
from tieout.contract.document import DocumentKind
from tieout.contract.program import Program
from tieout.kernel.cadence import Cadence

SEATS = """[[program]]
key = "seat-fees"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Seat fees"
provider = "Sample Provider"
source = "https://example.com/seats"
as_of = 2026-01-01
charged_to = "the account owner, at the end of the month"
currency = "USD"
cadence = "monthly"
prices = ["seats-usd"]
"""
OWN = '"generated-tokens-usd", "seats-usd"]'
LISTED = '"generated-tokens-usd"]\nprograms = ["seat-fees"]\ncadence = "monthly"'
MOVED = ("plans.toml", OWN, LISTED)
STARTER_TOO = ("plans.toml", '"generated-tokens-usd"]\n', '"generated-tokens-usd"]\ncadence = "monthly"\n')
OTHER = SEATS.replace("seat-fees", "other").replace("Seat fees", "Other fees")


def test_a_program_is_read_with_its_source_and_its_day() -> None:
    documents, problems = documents_of(with_changes(MOVED, STARTER_TOO, ("plans.toml", "", SEATS)))
    catalog, more = check(documents)
    assert catalog is not None, [*problems, *more]
    (program,) = catalog.programs.versions("seat-fees")
    assert isinstance(program, Program)
    assert (program.reference, program.name, program.provider) == (
        "seat-fees v1",
        "Seat fees",
        "Sample Provider",
    )
    assert (program.source, program.as_of.isoformat()) == ("https://example.com/seats", "2026-01-01")
    assert (program.prices, program.cadence) == (("seats-usd",), Cadence.MONTHLY)
    assert catalog.plans.versions("team")[0].programs == ("seat-fees",)
    assert catalog.versions(DocumentKind.PROGRAM, "seat-fees") == (program,)


REFUSED = [
    # (text of the program, change of the plans, document, field, part of the message)
    (SEATS.replace('source = "https://example.com/seats"\n', ""), MOVED, "program seat-fees v1", "source",
     "is missing"),
    (SEATS.replace("https://example.com/seats", "a brochure"), MOVED, "program seat-fees v1", "source",
     "not a web address"),
    (SEATS.replace("as_of = 2026-01-01\n", ""), MOVED, "program seat-fees v1", "as_of", "day as of which"),
    (SEATS.replace("as_of = 2026-01-01", 'as_of = "soon"'), MOVED, "program seat-fees v1", "as_of",
     "not a date"),
    (SEATS.replace('"seats-usd"', '"seat-usd"'), MOVED, "program seat-fees v1", "prices[0]",
     "did you mean 'seats-usd'?"),
    (SEATS.replace('["seats-usd"]', "[]"), MOVED, "program seat-fees v1", "prices", "at least 1"),
    (SEATS.replace('"USD"', '"EUR"'), MOVED, "program seat-fees v1", "prices[0]",
     "price seats-usd v1 is in USD, the program in EUR"),
    (SEATS.replace('"USD"', '"EUR"'), MOVED, "plan team v1", "programs[0]",
     "program seat-fees v1 is in EUR, the plan in USD"),
    (SEATS + OTHER, MOVED, "program seat-fees v1", "prices[0]", "belongs to program other"),
    (SEATS, ("plans.toml", 'name = "Team"', 'name = "The team"'), "plan team v1", "prices[3]",
     "list the program in `programs` instead"),
    (SEATS, ("plans.toml", OWN, LISTED.replace("seat-fees", "seat-fee")), "plan team v1", "programs[0]",
     "there is no program 'seat-fee'; did you mean 'seat-fees'?"),
    (SEATS, ("plans.toml", OWN, LISTED.replace('cadence = "monthly"', "")), "plan team v1", "programs[0]",
     "the plan states none"),
    (SEATS, ("plans.toml", OWN, LISTED.replace('"monthly"', '"weekly"')), "plan team v1", "programs[0]",
     "the plan bills weekly"),
    (SEATS.replace("2026-01-01T", "2026-02-01T"), MOVED, "plan team v1", "programs[0]",
     "in force only from 2026-02-01"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "change", "document", "name", "message"), REFUSED)
def test_each_mistake_is_named(
    text: str, change: tuple[str, str, str], document: str, name: str, message: str
) -> None:
    found = problems_of(with_changes(change, STARTER_TOO, ("plans.toml", "", text)))
    assert [problem for problem in found if (problem.key, problem.field) == (document, name)], found
    assert any(message in problem.message for problem in found if problem.field == name), found


def test_a_plan_without_prices_and_programs_is_refused() -> None:
    found = problems_of(with_changes(("plans.toml", '["edge-fee-jpy", "edge-requests-jpy"]', "[]")))
    assert ("plan edge v1", "prices", "needs at least 1 entry") in [
        (problem.key, problem.field, problem.message) for problem in found
    ]


def test_two_subscriptions_that_bill_one_meter_through_a_program_are_found() -> None:
    second = """[[subscription]]
key = "acme-second"
version = 1
effective_from = 2026-01-01T00:00:00Z
customer = "acme"
[[subscription.phase]]
plan = "seats-only"
from = 2026-03-01T00:00:00Z
"""
    only = '[[plan]]\nkey = "seats-only"\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\n'
    only += 'name = "Seats"\ncurrency = "USD"\ncadence = "monthly"\nprograms = ["seat-fees"]\n'
    files = with_changes(MOVED, STARTER_TOO, ("plans.toml", "", SEATS + only + second))
    assert any("seats would be billed twice" in problem.message for problem in problems_of(files))


KEPT = """
[[plan]]
key = "late"
version = 1
effective_from = 2026-02-01T00:00:00Z
name = "Late"
currency = "USD"
cadence = "monthly"
programs = ["seat-fees"]

[[customer]]
key = "kept"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Kept"
zone = "UTC"
currency = "USD"
seller = "northwind"
address = ["1 Street"]

[[subscription]]
key = "kept"
version = 1
effective_from = 2026-01-01T00:00:00Z
customer = "kept"
[[subscription.phase]]
plan = "late"
plan_version = 1
from = 2026-02-10T00:00:00Z
until = 2026-03-01T00:00:00Z
prices_as_of = 2026-01-15T00:00:00Z
successor = "late"
[[subscription.phase]]
plan = "late"
from = 2026-03-01T00:00:00Z
"""


@pytest.mark.parametrize("since", ["2026-01-01", "2026-02-01"])
def test_a_kept_program_must_have_been_there(since: str) -> None:
    """Otherwise nobody would hear of it before the close parks the account."""
    program = SEATS.replace("2026-01-01T", f"{since}T").replace("as_of = 2026-01-01", f"as_of = {since}")
    changes = ("plans.toml", OWN, '"generated-tokens-usd"]'), ("plans.toml", "", program + KEPT)
    found = [(problem.key, problem.field, problem.message) for problem in problems_of(with_changes(*changes))]
    wrong = "program 'seat-fees' is in force only from 2026-02-01T00:00:00Z, not yet at 2026-01-15T00:00:00Z"
    expected = [("subscription kept v1", "phase[0].prices_as_of", wrong)]
    assert found == (expected if since == "2026-02-01" else [])
