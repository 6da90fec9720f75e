"""Verify what was told of crossings (L16): each that tells has its notices under their stable ids, one for
whom it is told, none has two, and none is told that was not recorded.

What a notice is about is taken from what it tells programs, not from its id.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.crossing_words import ALERT_CROSSED, CONTROL_KINDS, CONTROL_LATE, OWN_ALERT_CROSSED
from tieout.flows.home import Home
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import NoticeId
from tieout.kernel.instant import format_instant
from tieout.notice.notice import Notice, data_of, notice_id
from tieout.ports import LogFinding
from tieout.ports.notices import NoticeFilter
from tieout.trigger.charge.control import effect_of
from tieout.trigger.crossing import Change, ChangeKind, RuleKind

PAGE: int = 1_000
ALL = 2**31 - 1
NOTICE = "notice"
KINDS = (ALERT_CROSSED, OWN_ALERT_CROSSED, CONTROL_LATE, *CONTROL_KINDS.values())
"""All that are about crossings."""


def notice_findings(home: Home) -> Iterator[LogFinding]:
    """Reads every crossing, and every notice of one."""
    try:
        recorded = home.books.triggers.changes_of(None, limit=ALL)
        changes = {each.change.id: each.change for each in recorded}
        catalog = load_catalog(home)
        told = {change.id: _kinds(catalog, change) for change in changes.values()}
        seen: set[tuple[str, str]] = set()
        for notice in _notices(home):
            about = data_of(notice).get("change")
            change = changes.get(about) if isinstance(about, str) else None
            if change is None:
                yield LogFinding(NOTICE, notice.id, f"it is about change {about}, which was never recorded")
            elif (wrong := _wrong(notice, change, told[change.id])) is not None:
                yield LogFinding(NOTICE, notice.id, wrong)
            else:
                seen.add((change.id, notice.kind))
        for id, kind in ((id, kind) for id, kinds in told.items() for kind in kinds):
            if (id, kind) not in seen:
                yield LogFinding(NOTICE, notice_id(kind, id), f"{_named(changes[id])} was not told: {kind}")
    except (TieoutError, ValueError, KeyError, TypeError) as error:
        yield LogFinding(NOTICE, "", f"notices cannot be read: {type(error).__name__}: {error}")


def _notices(home: Home) -> Iterator[Notice]:
    for kind in KINDS:
        after: NoticeId | None = None
        while page := home.books.notices.page(NoticeFilter(kind=kind), after=after, limit=PAGE):
            yield from (each.notice for each in page)
            after = page[-1].notice.id


def _kinds(catalog: Catalog, change: Change) -> tuple[str, ...]:
    """As what a change is told; none: it tells nothing, or its rule is not in the catalog."""
    rule = change.rule
    if rule.kind is not RuleKind.CHARGE_CONTROL:
        if change.kind is not ChangeKind.CROSSED:
            return ()
        if rule.kind is RuleKind.OWN_ALERT:
            return (OWN_ALERT_CROSSED,)
        alert = catalog.alerts.version(rule.key, rule.version)
        customer_too = alert is not None and alert.customer_too
        return (ALERT_CROSSED, OWN_ALERT_CROSSED) if customer_too else (ALERT_CROSSED,)
    control = catalog.charge_controls.version(rule.key, rule.version)
    if control is None:
        return ()
    effect = effect_of(control, change)
    if effect is None:
        return (CONTROL_LATE,) if change.is_late else ()
    return (CONTROL_KINDS[type(effect)],)


def _wrong(notice: Notice, change: Change, kinds: tuple[str, ...]) -> str | None:
    if notice.kind not in kinds:
        return f"{_named(change)} is told as {' and '.join(kinds) or 'nothing'}, not as {notice.kind}"
    right = notice_id(notice.kind, change.id)
    if notice.id != right:
        return f"{_named(change)} is told under another id than its own, {right}: twice, or a copy"
    said = notice.customer, notice.at, notice.watermark
    was = change.scope.customer, change.reading.at, change.reading.watermark
    if said != was:
        return f"{_named(change)} was of {was}, and is told as of {said}"
    return None


def _named(change: Change) -> str:
    rule, at = change.rule, format_instant(change.reading.at)
    what = f"{rule.kind.value} {rule.key} v{rule.version}, {change.kind.value} at {change.threshold}"
    return f"{what} for {change.scope.customer} (number {change.ordinal}, {at})"
