"""Whether a set of documents holds together. Every problem is found in one run, because a person fixes them
in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from tieout.contract.alert import Alert
from tieout.contract.budget import Budget
from tieout.contract.catalog import Catalog
from tieout.contract.charge_control import ChargeControl
from tieout.contract.coupon import Coupon
from tieout.contract.document import Document, DocumentKind, Record, read_record
from tieout.contract.event_contract import ContractBook, EventContract
from tieout.contract.meter import Meter
from tieout.contract.notice_target import NoticeTarget
from tieout.contract.party import Customer, Seller
from tieout.contract.plan import Plan
from tieout.contract.policy import Policy
from tieout.contract.price import Price
from tieout.contract.problem import Problem
from tieout.contract.program import Program
from tieout.contract.rules.cheaper import warn_of_cheaper_usage
from tieout.contract.rules.combining import check_combinations
from tieout.contract.rules.committing import check_commitments
from tieout.contract.rules.couponing import check_coupons
from tieout.contract.rules.draft import Draft, group
from tieout.contract.rules.examples import RunExample, check_examples
from tieout.contract.rules.measuring import check_measuring
from tieout.contract.rules.metering import check_meters
from tieout.contract.rules.notice_targets import check_notice_targets
from tieout.contract.rules.peaks import warn_of_peaks_in_parts
from tieout.contract.rules.policies import check_policies
from tieout.contract.rules.pricing import check_plans, check_prices
from tieout.contract.rules.programs import check_programs
from tieout.contract.rules.sources import check_sources
from tieout.contract.rules.splitting import check_discount_ends, check_tier_splits
from tieout.contract.rules.subjects import check_subjects
from tieout.contract.rules.subscribing import check_customers, check_subscriptions
from tieout.contract.rules.taxing import check_taxes
from tieout.contract.rules.triggering import check_triggers
from tieout.contract.rules.versioning import check_superseding, check_versions
from tieout.contract.source import SourceMapping
from tieout.contract.subject import SubjectBook, SubjectMapping
from tieout.contract.subscription import Subscription
from tieout.contract.tax import Tax
from tieout.contract.versions import Versions

Rule = Callable[[Draft], Iterator[Problem]]
RULES_OF_PRICES: tuple[Rule, ...] = (
    check_prices,
    check_combinations,
    check_measuring,
    check_tier_splits,
    check_discount_ends,
    check_plans,
    check_programs,
)
RULES: tuple[Rule, ...] = (
    check_versions,
    check_superseding,
    check_meters,
    *RULES_OF_PRICES,
    check_customers,
    check_subscriptions,
    check_commitments,
    check_coupons,
    check_taxes,
    check_subjects,
    check_sources,
    check_policies,
    check_triggers,
    check_notice_targets,
)
WARNINGS: tuple[Rule, ...] = (warn_of_cheaper_usage, warn_of_peaks_in_parts)
R = TypeVar("R")


def check(
    documents: Iterable[Document], run_example: RunExample | None = None
) -> tuple[Catalog | None, list[Problem]]:
    """The catalog, or None and all problems, in order of path and line.

    `run_example` runs a contract's examples (validation lies above this package); without it they are not
    run, which is right only for documents that were applied before. A document whose digest and name are
    given twice is a problem.
    """
    grouped = group(documents)
    records, broken, problems = _read(grouped)
    draft = Draft(_catalog(records), grouped)
    for rule in RULES:
        problems += rule(draft)
    problems += _also_wrong(Draft(_catalog([*records, *broken]), grouped), problems) if broken else []
    if run_example is not None:
        problems += check_examples(draft, run_example)
    return (None, sorted(problems, key=_place)) if problems else (draft.catalog, [])


def read_applied(documents: Iterable[Document]) -> tuple[Catalog | None, list[Problem]]:
    """The same of documents that were checked together when they were applied: each is read, and what they
    say of one another is not judged again."""
    records, _, problems = _read(group(documents))
    return (None, sorted(problems, key=_place)) if problems else (_catalog(records), [])


def _read(
    grouped: Mapping[tuple[DocumentKind, str], Sequence[Document]],
) -> tuple[list[Record], list[Record], list[Problem]]:
    """The records, those with mistakes that still tell their use, and all mistakes."""
    problems: list[Problem] = []
    records: list[Record] = []
    broken: list[Record] = []
    for found in grouped.values():
        versions_read: set[int] = set()
        for document in found:
            record, wrong = read_record(document)
            problems += wrong
            if document.version not in versions_read and (not wrong or _tells_its_use(record, wrong)):
                versions_read.add(document.version)
                (broken if wrong else records).append(record)
    return records, broken, problems


def _tells_its_use(record: Record, wrong: Iterable[Problem]) -> bool:
    """Whether a price with mistakes still says for which meter, in which currency and of which shape."""
    if not isinstance(record, Price):
        return False
    members = {re.split(r"[.\[]", problem.field, maxsplit=1)[0] for problem in wrong}
    return not members & {"currency", "meter", "shape", "dimensions", "cell", "otherwise", "amount_field"}


def _also_wrong(draft: Draft, known: Sequence[Problem]) -> list[Problem]:
    """What else is wrong with prices that have a mistake of their own, and with the plans that list them: a
    wrong rate does not hide a wrong currency. A member that is known to be wrong is not judged again."""
    places = {(problem.key, problem.field) for problem in known}
    found = (problem for rule in RULES_OF_PRICES for problem in rule(draft))
    return [problem for problem in found if (problem.key, problem.field) not in places]


def warnings(catalog: Catalog, documents: Iterable[Document]) -> list[Problem]:
    """What is allowed and still worth a second look, in order of path and line.

    `documents` are those that the catalog was read from.
    """
    draft = Draft(catalog, group(documents))
    return sorted((found for rule in WARNINGS for found in rule(draft)), key=_place)


def _place(problem: Problem) -> tuple[str, int, str, str]:
    return problem.path, problem.line or 0, problem.key, problem.field


def _catalog(records: Iterable[Record]) -> Catalog:
    found: Mapping[type, list[Record]] = _by_type(records)
    mappings = Versions(_of(found, SubjectMapping))
    latest = [mappings.versions(key)[-1] for key in mappings.keys]
    events = _of(found, EventContract)
    return Catalog(
        contracts=ContractBook(events),
        events=Versions(events),
        meters=Versions(_of(found, Meter)),
        prices=Versions(_of(found, Price)),
        plans=Versions(_of(found, Plan)),
        coupons=Versions(_of(found, Coupon)),
        taxes=Versions(_of(found, Tax)),
        programs=Versions(_of(found, Program)),
        sellers=Versions(_of(found, Seller)),
        customers=Versions(_of(found, Customer)),
        subscriptions=Versions(_of(found, Subscription)),
        subjects=SubjectBook(span for mapping in latest for span in mapping.spans),
        mappings=mappings,
        sources=Versions(_of(found, SourceMapping)),
        policies=Versions(_of(found, Policy)),
        alerts=Versions(_of(found, Alert)),
        charge_controls=Versions(_of(found, ChargeControl)),
        budgets=Versions(_of(found, Budget)),
        notice_targets=Versions(_of(found, NoticeTarget)),
    )


def _by_type(records: Iterable[Record]) -> dict[type, list[Record]]:
    found: dict[type, list[Record]] = {}
    for record in records:
        found.setdefault(type(record), []).append(record)
    return found


def _of(found: Mapping[type, list[Record]], kind: type[R]) -> list[R]:
    return [record for record in found.get(kind, []) if isinstance(record, kind)]
