"""What a customer says of its own: a budget (amount, currency), an alert (name, watch, meter, percent_of, at,
currency, rearm, rearm_below, severity, targets) and a target (kind, url or address, [quiet_hours],
digest_minutes)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tieout.contract.notice_target import Channel, Severity
from tieout.contract.own_alert import OWN_FIGURES, OwnAlert
from tieout.contract.own_budget import OwnBudget
from tieout.contract.own_target import OwnTarget
from tieout.contract.reading.amounts import read_settled_amount
from tieout.contract.reading.notice_target import (
    DIGEST_MINUTES_MAX,
    read_mailbox,
    read_quiet,
    read_url,
)
from tieout.contract.reading.price import read_currency
from tieout.contract.reading.table import Findings, TableReader
from tieout.contract.reading.watching import read_watch
from tieout.contract.watching import PercentOf
from tieout.kernel.canonical import JsonValue
from tieout.kernel.ids import AlertKey, CustomerId
from tieout.kernel.instant import Instant

OWN_KEY_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{0,47}\Z")
OWN_NAME_LENGTH_MAX: Final = 120
OWN_CHANNELS: Final = (Channel.WEBHOOK, Channel.EMAIL)
OWN_PERCENT_OF: Final = frozenset({PercentOf.ALLOWANCE, PercentOf.BUDGET})

Table = Mapping[str, JsonValue]


def read_own_budget(
    table: Table, findings: Findings, *, customer: CustomerId, version: int, at: Instant
) -> OwnBudget:
    """After a problem what is returned is a stand-in, as of every reader here."""
    reader = TableReader(table, findings)
    unit = read_currency(reader)
    amount = read_settled_amount(reader, "amount", unit)
    if amount == 0:
        reader.problem("amount", "must be above zero")
    reader.finish()
    return OwnBudget(customer, version, at, "" if unit is None else unit.code, amount)


def read_own_alert(
    table: Table, findings: Findings, *, customer: CustomerId, key: str, version: int, at: Instant
) -> OwnAlert:
    reader = TableReader(table, findings)
    watch = read_watch(reader, OWN_FIGURES)
    if watch.percent_of is not None and watch.percent_of not in OWN_PERCENT_OF:
        reader.problem("percent_of", f"{watch.percent_of} is not one of allowance, budget")
    alert = OwnAlert(
        customer=customer,
        key=AlertKey(key),
        version=version,
        effective_from=at,
        name=reader.optional_text("name", length_max=OWN_NAME_LENGTH_MAX) or key,
        watch=watch,
        severity=reader.choice("severity", Severity, default=Severity.WARNING),
        targets=reader.texts("targets"),
    )
    reader.finish()
    return alert


def read_own_target(
    table: Table, findings: Findings, *, customer: CustomerId, key: str, version: int, at: Instant
) -> OwnTarget:
    reader = TableReader(table, findings)
    channel = reader.choice("kind", OWN_CHANNELS)
    member, other = ("url", "address") if channel is Channel.WEBHOOK else ("address", "url")
    if reader.has(other):
        reader.problem(other, f"has no use: a target of kind {channel.value} has none")
    target = OwnTarget(
        customer=customer,
        key=key,
        version=version,
        effective_from=at,
        channel=channel,
        url=read_url(reader) if member == "url" else None,
        address=read_mailbox(reader, "address") if member == "address" else None,
        quiet=read_quiet(reader),
        digest_minutes=reader.integer("digest_minutes", minimum=0, maximum=DIGEST_MINUTES_MAX, default=0),
    )
    reader.finish()
    return target
