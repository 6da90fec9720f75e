"""Sample accounts: product, finance and ops each recorded, before the run, which amount an invoice comes to
and on which date it is made; the run agrees with all three.

One sampled account changed within its period, and another one bills a late event: these are where a system
that is right on plain months goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

from tieout.contract.policy import PolicyRole
from tieout.kernel.calendar import local_date
from tieout.kernel.money import Money, currency
from tieout.kernel.person import same_person
from tieout.kernel.zone import zone
from tieout.readiness.facts import Expectation, Facts, Run, Sample
from tieout.readiness.item import Checked, Fact, Problem, passed_or_open

RECORD = "tieout readiness sample record"
INVESTIGATE = (
    "find out which of the two is wrong; mend the run by a correction, and have the account's next invoice "
    "agree with what is recorded beforehand"
)


def check_samples(facts: Facts) -> Checked:
    samples = facts.samples
    found = {each: tuple(_of_sample(each)) for each in samples}
    evidence = tuple(
        Fact(f"{each.account} {each.billed}", _told(each), signed=each.run is not None) for each in samples
    )
    problems = [problem for each in _judged(samples) for problem in found[each]]
    agreeing = [each.run for each in samples if each.run is not None and not found[each]]
    return passed_or_open(evidence, (*problems, *_uncovered(agreeing)))


def _judged(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Of each account the last one that ran: an earlier one that differed is settled by one that agrees. Of
    an account of which none ran, all."""
    for account in sorted({each.account for each in samples}):
        ours = [each for each in samples if each.account == account]
        ran = [each for each in ours if each.run is not None]
        yield from [max(ran, key=lambda each: (each.billed.end, each.billed.paper))] if ran else ours


def _told(sample: Sample) -> str:
    said = ", ".join(
        f"{each.role.value} {money(each.amount, each.currency)} on {_day(each, sample.run)} ({each.person}"
        + (f", revision {each.revisions + 1}" if each.revisions else "")
        + (", recorded after a dry run could show it)" if sample.was_shown(each) else ")")
        for each in sample.expectations
    )
    return f"expected {said or 'by nobody'}; {_run_told(sample.run)}"


def _day(expected: Expectation, run: Run | None) -> str:
    """With its zone, where the run's is another one."""
    said = expected.on.isoformat()
    if run is None or None in (expected.zone_name, run.zone_name) or expected.zone_name == run.zone_name:
        return said
    return f"{said} in {expected.zone_name}"


def _run_told(run: Run | None) -> str:
    if run is None:
        return "not run"
    name = "draft" if run.number is None else run.number
    said = f"{name}: {money(run.amount, run.currency)} on {run.on.isoformat()}"
    traits = [
        *(["changes within the period"] if run.changed_inside else []),
        *([f"late events billed: {run.late_events}"] if run.late_events else []),
    ]
    return f"{said} ({', '.join(traits)})" if traits else said


def _of_sample(sample: Sample) -> Iterator[Problem]:
    what = f"{sample.account} {sample.billed}"
    by_role = {each.role: each for each in sample.expectations}
    for role in PolicyRole:
        if role not in by_role:
            action = f"{RECORD} --account {sample.account} --role {role.value}, before its invoice is sealed"
            yield Problem(f"{what}: {role.value} recorded nothing beforehand", action)
    people = {same_person(each.person) for each in sample.expectations}
    if len(people) < len(by_role):
        action = "have three people record what they expect, each for one role"
        yield Problem(f"{what}: one person recorded for more than one role", action)
    run = sample.run
    if run is None:
        action = "close the period (tieout close), or wait until it has ended and its grace is over"
        yield Problem(f"{what}: it was not run, or has no invoice of exactly this period", action)
        return
    for expected in sample.expectations:
        yield from _compared(what, expected, run)
        if expected.revisions and sample.was_shown(expected):
            said = f"{expected.role.value} ({expected.person}) revised what was expected"
            action = "record what is expected of its next period, and leave it"
            yield Problem(f"{what}: {said} after a dry run could show it", action)


def _compared(what: str, expected: Expectation, run: Run) -> Iterator[Problem]:
    who = f"{expected.role.value} ({expected.person})"
    if run.sealed_at is not None and expected.at >= run.sealed_at:
        action = "record what is expected of its next period before that is sealed"
        yield Problem(f"{what}: what {who} expects was recorded after {run.number} was sealed", action)
    if (expected.amount, expected.currency) != (run.amount, run.currency):
        stated, came = money(expected.amount, expected.currency), money(run.amount, run.currency)
        yield Problem(f"{what}: {who} expected {stated}, the run gives {came}", INVESTIGATE)
    made_on = _made_on(expected, run)
    if expected.on != made_on:
        dates = f"{expected.on.isoformat()}, it is made on {made_on.isoformat()}"
        yield Problem(f"{what}: {who} expected the invoice on {dates}", INVESTIGATE)


def _made_on(expected: Expectation, run: Run) -> date:
    """In the zone in which the day was said: the account may have another one by now."""
    if expected.zone_name is None or run.made_at is None:
        return run.on
    return local_date(run.made_at, zone(expected.zone_name))


def _uncovered(runs: Sequence[Run]) -> Iterator[Problem]:
    changed = {run.account for run in runs if run.changed_inside}
    late = {run.account for run in runs if run.late_events}
    if not changed:
        action = f"{RECORD} for an account whose plan, price or quantity changes within the period"
        yield Problem("no sample that agrees changed within its period", action)
    if not late:
        action = f"{RECORD} for the invoice that bills a late event of an earlier period"
        yield Problem("no sample that agrees bills a late event", action)
    if changed and late and len(changed | late) < 2:
        action = "record one for the change within a period, and another account for the late event"
        yield Problem("both kinds of sample are of one account", action)


def money(amount: Fraction, code: str) -> str:
    """`USD 12.50`; an amount finer than the currency's unit as a fraction."""
    unit = currency(code)
    if not unit.has(amount):
        return f"{code} {amount}"
    return f"{code} {Money.exactly(amount, unit).decimal_text}"
