"""What customers have set for themselves as programs see it, over HTTP and with `--json`; decimals are texts,
and no secret is among it but one that was just made."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tieout.contract.own_alert import OwnAlert
from tieout.contract.own_budget import OwnBudget
from tieout.contract.own_target import OwnTarget, own_target_key
from tieout.flows.home import Home
from tieout.flows.own_changes import NoSuchSetting, known_customer, standing_at
from tieout.flows.own_settings import BUDGET_KEY, own_book
from tieout.flows.own_targets import SetTarget
from tieout.flows.triggers import watch_json
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import format_instant
from tieout.kernel.rational import exact_text
from tieout.ports.own_settings import Setting, SettingKind
from tieout.ports.triggers import RecordedChange
from tieout.trigger.crossing import RuleKind

Member = None | bool | int | str | Sequence["Member"] | dict[str, "Member"]
CHANGES_READ_MAX = 100_000
CHANGES_SHOWN_MAX = 100


def own_budget(home: Home, customer: str) -> OwnBudget:
    """Raises `NoSuchSetting`, `NoSuchCustomer`."""
    who = known_customer(home, customer)
    found = own_book(home).of(who).budget(standing_at(home, who))
    if found is None:
        raise NoSuchSetting(who, SettingKind.BUDGET, BUDGET_KEY)
    return found


def own_alerts(home: Home, customer: str) -> list[OwnAlert]:
    """By key. Raises `NoSuchCustomer`."""
    who = known_customer(home, customer)
    return list(own_book(home).of(who).alerts(standing_at(home, who)).values())


def own_alert(home: Home, customer: str, key: str) -> OwnAlert:
    """Raises `NoSuchSetting`, `NoSuchCustomer`."""
    for each in own_alerts(home, customer):
        if each.key == key:
            return each
    raise NoSuchSetting(CustomerId(customer), SettingKind.ALERT, key)


def own_targets(home: Home, customer: str) -> list[OwnTarget]:
    """By key. Raises `NoSuchCustomer`."""
    who = known_customer(home, customer)
    return list(own_book(home).of(who).targets(standing_at(home, who)).values())


def own_target(home: Home, customer: str, key: str) -> OwnTarget:
    """Raises `NoSuchSetting`, `NoSuchCustomer`."""
    for each in own_targets(home, customer):
        if each.key == key:
            return each
    raise NoSuchSetting(CustomerId(customer), SettingKind.TARGET, key)


def own_decisions(home: Home, customer: str) -> list[Setting]:
    """All that was ever decided about the customer's own, the first first. Raises `NoSuchCustomer`."""
    return [row.setting for row in own_book(home).of(known_customer(home, customer)).rows]


def own_changes(home: Home, alert: OwnAlert) -> list[RecordedChange]:
    """When it was crossed and armed again, under any version, the newest first."""
    found = home.books.triggers.changes_of(alert.customer, limit=CHANGES_READ_MAX)
    named = RuleKind.OWN_ALERT, alert.key
    ours = [each for each in found if (each.change.rule.kind, each.change.rule.key) == named]
    return ours[::-1][:CHANGES_SHOWN_MAX]


def budget_json(budget: OwnBudget) -> dict[str, Member]:
    return {
        "customer": budget.customer,
        "version": budget.version,
        "since": format_instant(budget.effective_from),
        "amount": exact_text(budget.amount),
        "currency": budget.currency,
    }


def alert_json(alert: OwnAlert) -> dict[str, Member]:
    return {
        "customer": alert.customer,
        "key": alert.key,
        "version": alert.version,
        "since": format_instant(alert.effective_from),
        "name": alert.name,
        **watch_json(alert.watch),
        "severity": alert.severity.value,
        "targets": list(alert.targets),
    }


def own_change_json(recorded: RecordedChange) -> dict[str, Member]:
    """Of an alert of the customer's own."""
    change = recorded.change
    reading, period = change.reading, change.scope.period
    return {
        "id": change.id,
        "version": change.rule.version,
        "kind": change.kind.value,
        "period": {"start": format_instant(period.start), "end": format_instant(period.end)},
        "threshold": exact_text(change.threshold),
        "ordinal": change.ordinal,
        "value": exact_text(reading.value),
        "whole": None if reading.whole is None else exact_text(reading.whole),
        "unit": reading.unit,
        "at": format_instant(reading.at),
    }


def target_json(home: Home, target: OwnTarget) -> dict[str, Member]:
    """With how the last message to it went: its state alone, since why is about our network."""
    last = home.books.notices.messages(
        notice=None, target=own_target_key(target.customer, target.key), limit=1
    )
    quiet = target.quiet
    return {
        "customer": target.customer,
        "key": target.key,
        "version": target.version,
        "since": format_instant(target.effective_from),
        "kind": target.channel.value,
        "url": None if target.url is None else str(target.url),
        "address": target.address,
        "quiet_hours": None
        if quiet is None
        else {"from": _minute(quiet.start_minute), "until": _minute(quiet.end_minute), "zone": quiet.zone},
        "digest_minutes": target.digest_minutes,
        "ready": target.is_ready,
        "last_message": None
        if not last
        else {
            "state": last[0].state.value,
            "attempts": len(last[0].attempts),
            "due_at": format_instant(last[0].due_at),
        },
    }


def set_target_json(home: Home, made: SetTarget) -> dict[str, Member]:
    return {**target_json(home, made.target), **({} if made.secret is None else {"secret": made.secret})}


def decision_json(setting: Setting) -> dict[str, Member]:
    """Who decided what, when."""
    return {
        "customer": setting.customer,
        "kind": setting.kind.value,
        "key": setting.key,
        "version": setting.version,
        "removed": setting.body is None,
        "said": None if setting.body is None else json.loads(setting.body),
        "person": setting.by.person,
        "reason": setting.by.reason,
        "api_key": setting.by.api_key,
        "at": format_instant(setting.recorded_at),
    }


def _minute(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
