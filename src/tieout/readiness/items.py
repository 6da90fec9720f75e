"""The launch review: its items, in the order in which they are shown."""

from __future__ import annotations

from typing import Final

from tieout.contract.document import DocumentKind
from tieout.contract.policy import EngineeringRole, PolicyRole
from tieout.readiness.backfill import check_backfill
from tieout.readiness.compliance import check_compliance
from tieout.readiness.disputes import check_dispute_evidence, check_dispute_owners
from tieout.readiness.event import check_event
from tieout.readiness.item import Item, ItemKey
from tieout.readiness.replayed import check_replay
from tieout.readiness.rules import check_rules
from tieout.readiness.samples import check_samples
from tieout.readiness.totals import check_totals
from tieout.readiness.traced import check_trace

_PRODUCT, _FINANCE, _OPS = PolicyRole.PRODUCT, PolicyRole.FINANCE, PolicyRole.OPS
_ENGINEERING = EngineeringRole.ENGINEERING

ITEMS: Final = (
    Item(
        ItemKey.RULES,
        "cadence and off-cycle rules are documented",
        (_PRODUCT, _FINANCE, _OPS),
        check_rules,
        remedies=frozenset({DocumentKind.POLICY}),
    ),
    Item(
        ItemKey.SAMPLES,
        "sample accounts come to the dates and amounts that product, finance and ops recorded beforehand",
        (_PRODUCT, _FINANCE, _OPS),
        check_samples,
        mended_by_correction=True,
    ),
    Item(
        ItemKey.EVENT,
        "the accepted event is defined, with examples",
        (_PRODUCT, _ENGINEERING),
        check_event,
        remedies=frozenset({DocumentKind.EVENT, DocumentKind.METER}),
    ),
    Item(
        ItemKey.REPLAY,
        "identical events, replayed, give the same counts, aggregates and amounts",
        (_ENGINEERING,),
        check_replay,
        may_be_overridden=False,
    ),
    Item(
        ItemKey.TRACE,
        "lines of the samples are traced to their events",
        (_FINANCE, _ENGINEERING),
        check_trace,
    ),
    Item(
        ItemKey.TOTALS,
        "totals are reconciled to the finance export",
        (_FINANCE,),
        check_totals,
        may_be_overridden=False,
    ),
    Item(
        ItemKey.DISPUTE_OWNERS,
        "owners for disputes are named",
        (_OPS, _ENGINEERING),
        check_dispute_owners,
    ),
    Item(
        ItemKey.DISPUTE_EVIDENCE,
        "disputes have their evidence",
        (_OPS,),
        check_dispute_evidence,
        may_be_overridden=False,
    ),
    Item(
        ItemKey.COMPLIANCE,
        "compliance gates are validated where enabled",
        (_FINANCE,),
        check_compliance,
    ),
    Item(
        ItemKey.BACKFILL,
        "no historical total is changed by a backfill without an approved delta report",
        (_FINANCE, _OPS),
        check_backfill,
        may_be_overridden=False,
        mended_by_correction=True,
    ),
)


def item_named(key: ItemKey) -> Item:
    return next(item for item in ITEMS if item.key is key)
