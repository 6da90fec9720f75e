"""A program has prices of its own, in its currency, and is never blended: no price stands in two programs,
and none of its prices stands in a plan beside it."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.plan import Plan
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.contract.rules.pricing import listed_misfits
from tieout.kernel.ids import PriceKey, ProgramKey


def check_programs(draft: Draft) -> Iterator[Problem]:
    """Each program by itself, then programs against one another, then the plans that list them."""
    owners: dict[PriceKey, ProgramKey] = {}
    for program in draft.catalog.programs:
        for name, message in listed_misfits(draft, program, what="program"):
            yield draft.problem(DocumentKind.PROGRAM, program, name, message)
        for place, key in enumerate(program.prices):
            owner = owners.setdefault(key, program.key)
            if owner != program.key:
                message = f"price {key} belongs to program {owner}; programs are never blended"
                yield draft.problem(DocumentKind.PROGRAM, program, f"prices[{place}]", message)
    for plan in draft.catalog.plans:
        for name, message in _misfits(draft, plan, owners):
            yield draft.problem(DocumentKind.PLAN, plan, name, message)


def _misfits(draft: Draft, plan: Plan, owners: dict[PriceKey, ProgramKey]) -> Iterator[tuple[str, str]]:
    for place, key in enumerate(plan.prices):
        if key in owners:
            yield (
                f"prices[{place}]",
                f"price {key} belongs to program {owners[key]}: list the program in `programs` instead",
            )
    for place, named in enumerate(plan.programs):
        name = f"programs[{place}]"
        unknown = draft.missing(DocumentKind.PROGRAM, named, since=plan.effective_from)
        if unknown is not None:
            yield name, unknown
        for program in draft.catalog.programs.during(named, plan.effective_from, None):
            which = f"program {program.reference}"
            if program.currency != plan.currency:
                yield name, f"{which} is in {program.currency}, the plan in {plan.currency}"
            if program.cadence is not None and program.cadence != plan.cadence:
                stated = "states none" if plan.cadence is None else f"bills {plan.cadence.value}"
                yield (
                    name,
                    f"{which} is charged {program.cadence.value}, the plan {stated}: "
                    f'write cadence = "{program.cadence.value}"',
                )
