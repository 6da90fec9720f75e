"""A customer's budget, alerts and targets, set, changed and removed: by whoever holds a key of that customer,
or by a person on its behalf. Each is a decision on record; the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tieout.contract.notice_target import Channel
from tieout.contract.own_alert import OWN_ALERTS_MAX, OwnAlert
from tieout.contract.own_budget import OwnBudget
from tieout.contract.own_target import OWN_TARGETS_MAX, OwnTarget
from tieout.contract.reading.own import OWN_KEY_PATTERN
from tieout.contract.reading.table import Findings
from tieout.contract.reading.watching import OF_MONEY
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.flows.own_settings import BUDGET_KEY, CustomerSettings, Own, Stood, own_book, read_own
from tieout.kernel.canonical import JsonValue, canonical_json
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, MeterKey
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.notice.notice import Notice
from tieout.ports.own_settings import Decided, Setting, SettingKind, SettingsChanged

CHANGES_PER_DAY_MAX: Final = 100
"""Decisions about one customer within 24 hours, so that no table is filled through them."""
MAILBOXES_PER_DAY_MAX: Final = 10
"""Of these, the ones about a mailbox: each may write to it, and it may be a stranger's."""
ATTEMPTS_MAX: Final = 5
Table = dict[str, JsonValue]


class OwnRefused(Refusal):
    """What was to be set has problems; nothing was set. All of them are listed."""

    code = "setting-refused"

    def __init__(self, what: str, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        listed = "; ".join(f"{name}: {why}" if name else why for name, why in problems)
        super().__init__(f"The {what} was not set: {listed}.")


class NoSuchSetting(NotFound):
    """The customer has set nothing of that name."""

    code = "no-such-setting"

    def __init__(self, customer: CustomerId, kind: SettingKind, key: str) -> None:
        named = f" {shown(key)}" if key else ""
        super().__init__(f"{customer} has set no {kind.value}{named}.")


class TooManySettings(ConflictError):
    """A limit of what one customer may set."""

    code = "too-many-settings"

    def __init__(self, customer: CustomerId, limit: int, what: str, action: str) -> None:
        super().__init__(f"{customer} has {limit} {what}, which is the most; {action}.")


class TargetInUse(ConflictError):
    """Alerts name the target; without it they would tell nobody."""

    code = "target-in-use"

    def __init__(self, key: str, alerts: Sequence[str]) -> None:
        super().__init__(f"Target {key} is named by {', '.join(alerts)}; change or remove these first.")


@dataclass(frozen=True, slots=True)
class Change:
    """Rows to be added, with the notices that go with them; none: everything stands as it is wanted.
    `secret`: one that these rows bring, to be shown once."""

    settings: tuple[Setting, ...] = ()
    notices: tuple[Notice, ...] = field(default=())
    secret: str | None = field(default=None, repr=False)


def set_budget(home: Home, customer: str, table: Table, by: Decided) -> OwnBudget:
    """Where `table` names no currency it is the customer's. Raises `OwnRefused`, `NoSuchCustomer`,
    `TooManySettings`."""
    who = known_customer(home, customer)
    currency = _currency(home, who)
    said: Table = {"currency": currency, **table}

    def decide(settings: CustomerSettings, now: Instant) -> Change:
        findings = Findings()
        setting = _setting(settings, SettingKind.BUDGET, BUDGET_KEY, said, by, now)
        own = read_own(setting, said, findings)
        if isinstance(own, OwnBudget) and own.currency not in ("", currency):
            findings.add("currency", f"{who} pays in {currency}")
        _refuse("budget", findings)
        return _changed(settings, setting)

    _decided(home, who, decide)
    found = own_book(home).of(who).budget(standing_at(home, who))
    assert found is not None, "it was just set"
    return found


def set_alert(home: Home, customer: str, key: str, table: Table, by: Decided) -> OwnAlert:
    """Raises what `set_budget` raises."""
    who = known_customer(home, customer)
    currency, meters = _currency(home, who), own_meters(home, who)
    said = dict(table)
    if said.get("watch") in [each.value for each in OF_MONEY] and "percent_of" not in said:
        said.setdefault("currency", currency)

    def decide(settings: CustomerSettings, now: Instant) -> Change:
        findings = _named(key)
        setting = _setting(settings, SettingKind.ALERT, key, said, by, now)
        own = read_own(setting, said, findings)
        assert isinstance(own, OwnAlert)
        if own.watch.currency not in (None, "", currency):
            findings.add("currency", f"{who} pays in {currency}")
        if own.watch.meter and own.watch.meter not in meters:
            findings.add("meter", f"{shown(own.watch.meter)} is not one of {', '.join(meters) or 'none'}")
        targets = settings.targets(now)
        for place, target in enumerate(own.targets):
            if target not in targets:
                findings.add(f"targets[{place}]", f"there is no target {shown(target)}")
        _refuse("alert", findings)
        standing = settings.alerts(now)
        if key not in standing and len(standing) >= OWN_ALERTS_MAX:
            raise TooManySettings(who, OWN_ALERTS_MAX, "alerts", "remove one first")
        return _changed(settings, setting)

    _decided(home, who, decide)
    return own_book(home).of(who).alerts(standing_at(home, who))[key]


def remove_own(home: Home, customer: str, kind: SettingKind, key: str, by: Decided) -> None:
    """A budget (its key is empty), an alert or a target. Raises `NoSuchSetting`, `TargetInUse`,
    `NoSuchCustomer`, `TooManySettings`."""
    who = known_customer(home, customer)

    def decide(settings: CustomerSettings, now: Instant) -> Change:
        if key not in _standing(settings, kind, now):
            raise NoSuchSetting(who, kind, key)
        if kind is SettingKind.TARGET:
            naming = [alert.key for alert in settings.alerts(now).values() if key in alert.targets]
            if naming:
                raise TargetInUse(key, naming)
        return Change((_setting(settings, kind, key, None, by, now),))

    _decided(home, who, decide)


def change_target(
    home: Home,
    customer: str,
    key: str,
    table: Table,
    by: Decided,
    *,
    more: Callable[[CustomerSettings, OwnTarget], Change],
) -> tuple[OwnTarget, Change]:
    """Sets a target; `more` says what else follows where it is not the one that stands. With what was
    recorded."""
    who = known_customer(home, customer)

    def decide(settings: CustomerSettings, now: Instant) -> Change:
        findings = _named(key)
        setting = _setting(settings, SettingKind.TARGET, key, table, by, now)
        own = read_own(setting, table, findings)
        assert isinstance(own, OwnTarget)
        _refuse("target", findings)
        standing = settings.targets(now)
        if key not in standing and len(standing) >= OWN_TARGETS_MAX:
            raise TooManySettings(who, OWN_TARGETS_MAX, "targets", "remove one first")
        changed = _changed(settings, setting)
        if not changed.settings:
            return changed
        if own.channel is Channel.EMAIL:
            _check_mailboxes(settings, now)
        also = more(settings, own)
        return Change(changed.settings + also.settings, also.notices, also.secret)

    recorded = _decided(home, who, decide)
    return own_book(home).of(who).targets(standing_at(home, who))[key], recorded


def record_own(
    home: Home, customer: CustomerId, decide: Callable[[CustomerSettings, Instant], Change]
) -> Change:
    """Decides over what stands now and records it, again where somebody else was faster."""
    return _decided(home, customer, decide)


def decided_by(home: Home, person: str, reason: str) -> Decided:
    """On a customer's behalf. Raises `DecisionIncomplete`."""
    given = decision_now(home, person=person, reason=reason)
    return Decided(given.person, given.reason, None)


def known_customer(home: Home, customer: str) -> CustomerId:
    """Raises `NoSuchCustomer`."""
    if customer not in load_catalog(home).customers:
        raise NoSuchCustomer(customer)
    return CustomerId(customer)


def standing_at(home: Home, customer: CustomerId) -> Instant:
    """Now, or when the last decision was recorded by a clock that goes before ours."""
    rows = own_book(home).of(customer).rows
    return max(home.clock.now(), rows[-1].setting.recorded_at) if rows else home.clock.now()


def own_meters(home: Home, customer: CustomerId) -> list[MeterKey]:
    """Those that any price or feature of its plans is for: of others a customer is not to know."""
    catalog = load_catalog(home)
    found: set[MeterKey] = set()
    for subscription in catalog.subscriptions_of(customer):
        for phase in subscription.phases:
            for plan in catalog.plans_of(phase):
                found |= {each.meter for each in plan.features if each.meter is not None}
                listed = {key for price in plan.prices for key in (price, phase.price(price))}
                for key in listed:
                    found |= {each.meter for each in catalog.prices.versions(key) if each.meter is not None}
    return sorted(found)


def _decided(
    home: Home, customer: CustomerId, decide: Callable[[CustomerSettings, Instant], Change]
) -> Change:
    attempt = 1
    while True:
        settings, now = own_book(home).of(customer), standing_at(home, customer)
        change = decide(settings, now)
        if not change.settings:
            return change
        _check_rate(settings, len(change.settings), now)
        try:
            home.books.own_settings.add(change.settings, seen=settings.seen, notices=change.notices)
        except SettingsChanged:
            if attempt == ATTEMPTS_MAX:
                raise
            attempt += 1
        else:
            return change


def _check_rate(settings: CustomerSettings, added: int, now: Instant) -> None:
    if len(_of_a_day(settings, now)) + added > CHANGES_PER_DAY_MAX:
        raise TooManySettings(settings.customer, CHANGES_PER_DAY_MAX, "changes in 24 hours", "try tomorrow")


def _check_mailboxes(settings: CustomerSettings, now: Instant) -> None:
    own = [row.own for row in _of_a_day(settings, now)]
    named = sum(isinstance(each, OwnTarget) and each.channel is Channel.EMAIL for each in own)
    if named >= MAILBOXES_PER_DAY_MAX:
        what = "changes of mailboxes in 24 hours"
        raise TooManySettings(settings.customer, MAILBOXES_PER_DAY_MAX, what, "try tomorrow")


def _of_a_day(settings: CustomerSettings, now: Instant) -> list[Stood]:
    return [row for row in settings.rows if row.setting.recorded_at > now - 24 * HOUR_MICROSECONDS]


def _setting(
    settings: CustomerSettings, kind: SettingKind, key: str, table: Table | None, by: Decided, now: Instant
) -> Setting:
    version = settings.next_version(kind, key)
    body = None if table is None else canonical_json(table)
    return Setting(settings.customer, kind, key, version, body, by, now)


def _changed(settings: CustomerSettings, setting: Setting) -> Change:
    """Nothing where what stands says the same."""
    for row in reversed(settings.rows):
        if (row.setting.kind, row.setting.key) == (setting.kind, setting.key):
            return Change() if row.setting.body == setting.body else Change((setting,))
    return Change((setting,))


def _standing(settings: CustomerSettings, kind: SettingKind, now: Instant) -> dict[str, Own]:
    if kind is SettingKind.ALERT:
        return {**settings.alerts(now)}
    if kind is SettingKind.TARGET:
        return {**settings.targets(now)}
    budget = settings.budget(now)
    return {} if budget is None else {BUDGET_KEY: budget}


def _named(key: str) -> Findings:
    findings = Findings()
    if OWN_KEY_PATTERN.match(key) is None:
        findings.add(
            "", f"{shown(key)} is no name: lower-case letters, digits, hyphens, a letter first, at most 48"
        )
    return findings


def _refuse(what: str, findings: Findings) -> None:
    if findings.items:
        raise OwnRefused(what, findings.items)


def _currency(home: Home, customer: CustomerId) -> str:
    found = load_catalog(home).customers.latest(customer)
    assert found is not None, "the caller looked"
    return found.currency
