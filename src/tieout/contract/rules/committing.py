"""Commitments fit their subscription, exist in the customer's currency, and stay as they are once begun."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tieout.contract.document import DocumentKind
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.contract.subscription import Commitment, Subscription
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import CURRENCIES
from tieout.kernel.rational import exact_text


def check_commitments(draft: Draft) -> Iterator[Problem]:
    """Each version by itself, and against the one before: what has begun is agreed."""
    subscriptions = draft.catalog.subscriptions
    for subscription in subscriptions:
        for place, commitment in enumerate(subscription.commitments):
            for name, message in _misfits(draft, subscription, commitment):
                where = f"commitment[{place}].{name}"
                yield draft.problem(DocumentKind.SUBSCRIPTION, subscription, where, message)
        for place, message in _overlaps(subscription):
            where = f"commitment[{place}].from"
            yield draft.problem(DocumentKind.SUBSCRIPTION, subscription, where, message)
    for key in subscriptions.keys:
        for before, after in pairwise(subscriptions.versions(key)):
            for message in _rewritten(before, after):
                yield draft.problem(DocumentKind.SUBSCRIPTION, after, "commitment", message)


def _misfits(draft: Draft, subscription: Subscription, commitment: Commitment) -> Iterator[tuple[str, str]]:
    if not any(
        phase.start < commitment.end and (phase.end is None or commitment.start < phase.end)
        for phase in subscription.phases
    ):
        yield "from", "no phase of the subscription lies in the term: nothing would ever be billed"
    for customer in draft.catalog.customers.during(subscription.customer, commitment.start, commitment.end):
        unit = CURRENCIES.get(customer.currency)
        for name, amount in (("amount", commitment.amount), ("rollover_cap", commitment.rollover_cap)):
            if unit is not None and amount is not None and not unit.has(amount):
                yield name, f"{exact_text(amount)} {unit.code} does not exist: it is no whole minor unit"


def _overlaps(subscription: Subscription) -> Iterator[tuple[int, str]]:
    """Two minimums at one time would both be drawn by the same usage; two rules for what lies above would
    contradict each other."""
    for place, later in enumerate(subscription.commitments):
        for earlier in subscription.commitments[:place]:
            if later.start >= earlier.end or earlier.start >= later.end:
                continue
            if earlier.kind == later.kind:
                yield place, f"overlaps {earlier.key!r}, which is a {earlier.kind} too"
            elif (
                1 not in (earlier.overage_rate, later.overage_rate)
                or earlier.overage_rate != later.overage_rate
            ):
                yield place, f"overlaps {earlier.key!r}: an overage rate and a maximum do not go together"


def _rewritten(before: Subscription, after: Subscription) -> Iterator[str]:
    since = after.effective_from
    agreed, now = _begun(before, since), _begun(after, since)
    for key in sorted(agreed.keys() | now.keys()):
        if agreed.get(key) != now.get(key):
            yield (
                f"{key!r} differs from v{before.version}, and began before this version's effective_from "
                f"{format_instant(since)}; what has begun is agreed"
            )


def _begun(subscription: Subscription, until: Instant) -> dict[str, Commitment]:
    return {each.key: each for each in subscription.commitments if each.start < until}
