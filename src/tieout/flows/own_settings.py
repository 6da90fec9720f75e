"""What customers have set for themselves, read from the rows of their decisions: what stood at an instant
follows from those recorded by then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from tieout.contract.own_alert import OwnAlert
from tieout.contract.own_budget import OwnBudget
from tieout.contract.own_target import OwnTarget
from tieout.contract.reading.own import read_own_alert, read_own_budget, read_own_target
from tieout.contract.reading.table import Findings
from tieout.flows.home import Home
from tieout.kernel.canonical import JsonNumber, JsonValue
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.ports.own_settings import NumberedSetting, Setting, SettingKind

BUDGET_KEY: Final = ""
OLD_SECRET_HOURS: Final = 24
"""So long a secret stays valid beside the one that replaces it, which the receiver is told meanwhile."""
SECRETS_AT_ONCE_MAX: Final = 5
Own = OwnBudget | OwnAlert | OwnTarget


class SettingsDamaged(IntegrityViolation):
    """A row no longer says what was checked when it was recorded."""

    code = "settings-damaged"

    def __init__(self, setting: Setting, why: str) -> None:
        what = f"{setting.kind.value} {setting.key} v{setting.version} of {setting.customer}"
        super().__init__(f"The books hold {what}, which cannot be read: {why}.")


@dataclass(frozen=True, slots=True)
class Stood:
    """A decision, and what stood from then on; None: nothing (or a row of another kind). `since`: when it was
    recorded, or when this process read it where the clock that recorded it goes before ours: it is in the
    books, so it stands."""

    setting: Setting
    own: Own | None
    since: Instant = field(compare=False)


@dataclass(frozen=True, slots=True)
class CustomerSettings:
    """All decisions about one customer in their order; `seen` is the number of the last."""

    customer: CustomerId
    seen: int = 0
    rows: tuple[Stood, ...] = ()

    def budget(self, at: Instant) -> OwnBudget | None:
        """The one in force at that instant."""
        found = self._latest(SettingKind.BUDGET, at).get(BUDGET_KEY)
        return found if isinstance(found, OwnBudget) else None

    def alerts(self, at: Instant) -> dict[str, OwnAlert]:
        """By key, those in force at that instant."""
        found = self._latest(SettingKind.ALERT, at)
        return {key: each for key, each in sorted(found.items()) if isinstance(each, OwnAlert)}

    def targets(self, at: Instant) -> dict[str, OwnTarget]:
        """By key, those in force at that instant, verified or not, with the secrets they are signed with."""
        standing: dict[str, OwnTarget] = {}
        versions: dict[tuple[str, int], OwnTarget] = {}
        verified: dict[str, set[str | None]] = {}
        secrets: dict[str, list[Setting]] = {}
        for row in self.rows:
            said = row.setting
            if said.recorded_at > at:
                break
            if said.kind is SettingKind.TARGET and isinstance(row.own, OwnTarget):
                standing[said.key] = versions[said.key, said.version] = row.own
            elif said.kind is SettingKind.TARGET:
                for of in (standing, verified, secrets):
                    of.pop(said.key, None)
            elif said.kind is SettingKind.VERIFICATION:
                verified.setdefault(said.key, set()).add(versions[said.key, said.version].address)
            elif said.kind is SettingKind.SECRET:
                secrets.setdefault(said.key, []).append(said)
        return {
            key: replace(
                target,
                secrets=_valid(secrets.get(key, []), at),
                verified=target.address is not None and target.address in verified.get(key, ()),
            )
            for key, target in sorted(standing.items())
        }

    def next_version(self, kind: SettingKind, key: str) -> int:
        """Counted on over removals: what was crossed under a version is never crossed under another."""
        ours = [row.setting.version for row in self.rows if _is(row.setting, kind, key)]
        return max(ours, default=0) + 1

    def _latest(self, kind: SettingKind, at: Instant) -> dict[str, Own]:
        found: dict[str, Own] = {}
        for row in self.rows:
            if row.since > at:
                break
            if row.setting.kind is not kind:
                continue
            if row.own is None:
                found.pop(row.setting.key, None)
            else:
                found[row.setting.key] = row.own
        return found


@dataclass(frozen=True, slots=True)
class OwnBook:
    """Everybody's, up to the row numbered `revision`."""

    revision: int = 0
    by_customer: Mapping[CustomerId, CustomerSettings] = field(default_factory=dict)

    def of(self, customer: CustomerId) -> CustomerSettings:
        return self.by_customer.get(customer) or CustomerSettings(customer)

    def changed_since(self, revision: int) -> frozenset[CustomerId]:
        return frozenset(key for key, each in self.by_customer.items() if each.seen > revision)


def own_book(home: Home) -> OwnBook:
    """As the books hold it now; only rows that came since it was last read are read. Raises
    `SettingsDamaged`."""
    known: OwnBook = home.memory.own_book or OwnBook()
    if home.books.own_settings.revision() == known.revision:
        return known
    now = home.clock.now()
    added: dict[CustomerId, list[NumberedSetting]] = {}
    revision = known.revision
    for each in home.books.own_settings.after(known.revision):
        added.setdefault(each.setting.customer, []).append(each)
        revision = each.seq
    by_customer = dict(known.by_customer)
    for customer, rows in added.items():
        before = known.of(customer)
        read = tuple(
            Stood(each.setting, _own(each.setting), Instant(min(each.setting.recorded_at, now)))
            for each in rows
        )
        by_customer[customer] = CustomerSettings(customer, rows[-1].seq, before.rows + read)
    home.memory.own_book = OwnBook(revision, by_customer)
    return home.memory.own_book


def read_own(setting: Setting, table: Mapping[str, JsonValue], findings: Findings) -> Own:
    """What a budget, an alert or a target says; after a finding it is a stand-in."""
    who, version, at = setting.customer, setting.version, setting.recorded_at
    if setting.kind is SettingKind.BUDGET:
        return read_own_budget(table, findings, customer=who, version=version, at=at)
    if setting.kind is SettingKind.ALERT:
        return read_own_alert(table, findings, customer=who, key=setting.key, version=version, at=at)
    assert setting.kind is SettingKind.TARGET, "the other kinds have no table"
    return read_own_target(table, findings, customer=who, key=setting.key, version=version, at=at)


def _own(setting: Setting) -> Own | None:
    if setting.body is None or setting.kind in (SettingKind.VERIFICATION, SettingKind.SECRET):
        return None
    findings = Findings()
    try:
        table = json.loads(setting.body, parse_int=JsonNumber, parse_float=JsonNumber)
    except ValueError as error:
        raise SettingsDamaged(setting, str(error)) from None
    own = read_own(setting, table, findings)
    if findings.items:
        raise SettingsDamaged(setting, "; ".join(f"{name}: {why}" for name, why in findings.items))
    return own


def _is(setting: Setting, kind: SettingKind, key: str) -> bool:
    return setting.kind is kind and setting.key == key


def _valid(generations: list[Setting], at: Instant) -> tuple[int, ...]:
    """The newest first, then those that a later one has replaced only a while ago."""
    newest = generations[-SECRETS_AT_ONCE_MAX:][::-1]
    since = at - OLD_SECRET_HOURS * HOUR_MICROSECONDS
    still = [old for later, old in pairwise(newest) if later.recorded_at > since]
    return tuple(each.version for each in [*newest[:1], *still])
