"""[[alert]], [[charge_control]] and [[budget]]: three kinds of document, none of which can say what another
does."""

from __future__ import annotations

from tieout.contract.alert import Alert
from tieout.contract.budget import Budget
from tieout.contract.charge_control import ChargeControl, ControlAction, HoldEnds
from tieout.contract.notice_target import Severity
from tieout.contract.reading.amounts import read_settled_amount
from tieout.contract.reading.head import Head
from tieout.contract.reading.price import read_currency
from tieout.contract.reading.table import TableReader
from tieout.contract.reading.watching import read_watch, read_whom
from tieout.contract.watching import Figure, Rearm
from tieout.kernel.ids import AlertKey, BudgetKey, ChargeControlKey, CustomerId
from tieout.kernel.limits import ALERT_TARGETS_MAX

CONTROLLED = (Figure.USAGE, Figure.EXPOSURE, Figure.PROJECTED)
"""What a control may act upon. Growth and the end of a contract are for people to know."""


def read_alert(reader: TableReader, head: Head) -> Alert:
    """key, version, effective_from, name, whom, watch, severity, targets, customer_too, enabled."""
    return Alert(
        key=AlertKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        name=reader.text("name"),
        whom=read_whom(reader),
        watch=read_watch(reader, Figure),
        severity=reader.choice("severity", Severity, default=Severity.WARNING),
        targets=_targets(reader),
        enabled=reader.boolean("enabled", default=True),
        digest=head.digest,
        customer_too=reader.boolean("customer_too", default=False),
    )


def _targets(reader: TableReader) -> tuple[str, ...]:
    """Few enough that each notice of the alert can name them."""
    found = reader.texts("targets")
    if len(found) > ALERT_TARGETS_MAX:
        reader.problem("targets", f"names {len(found)} targets; at most {ALERT_TARGETS_MAX} are allowed")
    return found


def read_charge_control(reader: TableReader, head: Head) -> ChargeControl:
    """key, version, effective_from, name, whom, watch (one threshold), action, features, ends, enabled."""
    action = reader.choice("action", ControlAction)
    watch = read_watch(reader, CONTROLLED)
    if len(watch.at) > 1:
        reader.problem("at", "a control has one threshold: write another control for another limit")
    features = reader.texts("features")
    if action is not ControlAction.HOLD:
        for name in ("features", "ends"):
            if reader.has(name):
                reader.problem(name, f"means nothing to action {action}")
    ends = reader.choice("ends", HoldEnds) if action is ControlAction.HOLD else None
    if ends is HoldEnds.BELOW and watch.rearm is not Rearm.BELOW:
        reader.problem("ends", 'is "below", so the control must rearm = "below" too')
    return ChargeControl(
        key=ChargeControlKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        name=reader.text("name"),
        whom=read_whom(reader),
        watch=watch,
        action=action,
        features=features,
        ends=ends,
        enabled=reader.boolean("enabled", default=True),
        digest=head.digest,
    )


def read_budget(reader: TableReader, head: Head) -> Budget:
    """key, version, effective_from, customer, currency, amount."""
    unit = read_currency(reader)
    amount = read_settled_amount(reader, "amount", unit)
    if amount == 0:
        reader.problem("amount", "must be above zero")
    return Budget(
        key=BudgetKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        customer=CustomerId(reader.reference("customer")),
        currency="" if unit is None else unit.code,
        amount=amount,
        digest=head.digest,
    )
