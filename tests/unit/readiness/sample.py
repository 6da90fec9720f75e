"""Facts by which every item passes, to be made worse one by one."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from tieout.contract.policy import PolicyRole
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.readiness.facts import (
    BackfillFacts,
    Billed,
    ChangedTotal,
    ComplianceFact,
    DisputeFacts,
    EventFact,
    Expectation,
    Facts,
    PaperTotals,
    ReplayFact,
    RulesFact,
    Run,
    Sample,
    TotalsFacts,
    TracedPaper,
)
from tieout.readiness.finance_export import totals_of

NOW = parse_instant("2026-03-03T00:00:00Z")
SEALED = parse_instant("2026-02-02T00:00:00Z")
BEFORE = parse_instant("2026-01-20T00:00:00Z")
JANUARY = Billed(date(2026, 1, 1), date(2026, 2, 1))
ON = date(2026, 2, 2)
PEOPLE = {PolicyRole.PRODUCT: "Ada", PolicyRole.FINANCE: "Bram", PolicyRole.OPS: "Chi"}
EXPORT = [
    "entry,number,account,debit,credit,currency\r\n",
    "invoice/in_1,INV-1,receivable,12.50,,USD\r\n",
    "invoice/in_1,INV-1,revenue,,10.00,USD\r\n",
    "invoice/in_1,INV-1,tax-payable,,2.50,USD\r\n",
    "invoice/in_2,INV-2,receivable,12.50,,USD\r\n",
    "credits/in_2,INV-2,paid-credits,2.00,,USD\r\n",
    "credits/in_2,INV-2,receivable,,2.00,USD\r\n",
    "invoice/in_2,INV-2,revenue,,12.50,USD\r\n",
    "payment/p1,INV-1,clearing,12.50,,USD\r\n",
    "payment/p1,INV-1,receivable,,12.50,USD\r\n",
]


def expectations(
    account: str, *, amount: Fraction = Fraction("12.5"), at: Instant = BEFORE, on: date = ON
) -> tuple[Expectation, ...]:
    return tuple(
        Expectation(CustomerId(account), JANUARY, role, person, amount, "USD", on, at, "d")
        for role, person in PEOPLE.items()
    )


def run(account: str, number: str | None, *, changed: bool = False, late: int = 0) -> Run:
    sealed = None if number is None else SEALED
    return Run(
        CustomerId(account), JANUARY, number, Fraction("12.5"), "USD", ON, sealed, changed, late, "ab" * 32
    )


def good_facts() -> Facts:
    return Facts(
        rules=RulesFact("close v1", "ab" * 32, "cadence monthly", "nobody", (("ops", "Chi"),)),
        waiting_policies=(),
        samples=(
            Sample(CustomerId("acme"), JANUARY, expectations("acme"), run("acme", "INV-1", changed=True)),
            Sample(CustomerId("birch"), JANUARY, expectations("birch"), run("birch", "INV-2", late=1)),
        ),
        events=(EventFact("api.call v1", "cd" * 32, 1, 1, ("calls",)),),
        replays=(ReplayFact("january", "", (), "set ab, outcome cd, 0 differences"),),
        traced=(TracedPaper("INV-1", "ab" * 32, 3, ()),),
        totals=TotalsFacts(
            (
                PaperTotals("INV-1", "USD", Fraction("12.5"), Fraction("12.5")),
                PaperTotals("INV-2", "USD", Fraction("12.5"), Fraction("10.5")),
            ),
            totals_of(EXPORT),
        ),
        disputes=DisputeFacts((("ops", "Chi"),), (), 1, ()),
        compliance=(ComplianceFact("screening", True, "run 7, 2 March"),),
        backfill=BackfillFacts(
            "a person", (ChangedTotal(CustomerId("acme"), "January", "INV-3", "report ab", None),), ()
        ),
    )
