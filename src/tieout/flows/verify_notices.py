"""Verify what was told of crossings (L16): each that tells has its notice under its stable id, none has two,
and none is told that was not recorded.

What a notice is about is taken from what it tells programs, not from its id.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.crossing_words import ALERT_CROSSED, CONTROL_KINDS
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


def notice_findings(home: Home) -> Iterator[LogFinding]:
    """Reads every crossing, and every notice of one."""
    try:
        recorded = home.books.triggers.changes_of(None, limit=ALL)
        changes = {each.change.id: each.change for each in recorded}
        catalog = load_catalog(home)
        told = {change.id: _kind(catalog, change) for change in changes.values()}
        seen: set[str] = set()
        for notice in _notices(home):
            about = data_of(notice).get("change")
            change = changes.get(about) if isinstance(about, str) else None
            if change is None:
                yield LogFinding(NOTICE, notice.id, f"it is about change {about}, which was never recorded")
            elif (wrong := _wrong(notice, change, told[change.id])) is not None:
                yield LogFinding(NOTICE, notice.id, wrong)
            else:
                seen.add(change.id)
        for id, kind in told.items():
            if kind is not None and id not in seen:
                yield LogFinding(NOTICE, notice_id(kind, id), f"{_named(changes[id])} was not told: {kind}")
    except (TieoutError, ValueError, KeyError, TypeError) as error:
        yield LogFinding(NOTICE, "", f"notices cannot be read: {type(error).__name__}: {error}")


def _notices(home: Home) -> Iterator[Notice]:
    for kind in (ALERT_CROSSED, *CONTROL_KINDS.values()):
        after: NoticeId | None = None
        while page := home.books.notices.page(NoticeFilter(kind=kind), after=after, limit=PAGE):
            yield from (each.notice for each in page)
            after = page[-1].notice.id


def _kind(catalog: Catalog, change: Change) -> str | None:
    """As what a change is told; None: it tells nothing, or its rule is not in the catalog."""
    rule = change.rule
    if rule.kind is RuleKind.ALERT:
        return ALERT_CROSSED if change.kind is ChangeKind.CROSSED else None
    control = catalog.charge_controls.version(rule.key, rule.version)
    effect = None if control is None else effect_of(control, change)
    return None if effect is None else CONTROL_KINDS[type(effect)]


def _wrong(notice: Notice, change: Change, kind: str | None) -> str | None:
    if kind != notice.kind:
        return f"{_named(change)} is told as {kind or 'nothing'}, not as {notice.kind}"
    right = notice_id(kind, change.id)
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
