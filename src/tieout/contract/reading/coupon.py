"""[[coupon]]: key, version, effective_from, name, percent | amount and currency, periods | until | forever,
applies_to = {prices, plans, programs}, uses_per_customer_max.
[[customer.coupon]] and [[subscription.coupon]]: coupon, from, until."""

from __future__ import annotations

from tieout.contract.coupon import Coupon, CouponScope, CouponUse
from tieout.contract.reading.amounts import read_percent, read_settled_amount
from tieout.contract.reading.head import Head
from tieout.contract.reading.price import read_currency
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import CouponKey, PlanKey, PriceKey, ProgramKey
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.limits import COUPON_PERIODS_MAX, COUPON_USES_MAX, COUPONS_MAX, DISCOUNT_PERCENT_MAX
from tieout.kernel.money import Currency
from tieout.kernel.rational import Exact

ENDS = ("periods", "until", "forever")
ONE_END = "write one of periods = 3, until = an instant, or forever = true"


def read_coupon(reader: TableReader, head: Head) -> Coupon:
    """Exactly one of `percent` and `amount`, and exactly one of the three ends."""
    percent, amount, unit = _value(reader)
    return Coupon(
        key=CouponKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        name=reader.text("name"),
        percent=percent,
        amount=amount,
        currency=None if unit is None else unit.code,
        periods=reader.optional_integer("periods", minimum=1, maximum=COUPON_PERIODS_MAX),
        until=_until(reader),
        scope=_scope(reader),
        uses_per_customer_max=reader.optional_integer(
            "uses_per_customer_max", minimum=1, maximum=COUPON_USES_MAX
        ),
        digest=head.digest,
    )


def read_coupon_uses(reader: TableReader) -> tuple[CouponUse, ...]:
    """The coupons that a customer or a subscription has. One cannot be attached twice at one time."""
    listed = reader.tables("coupon")
    if len(listed) > COUPONS_MAX:
        reader.problem("coupon", f"attaches {len(listed)} coupons; at most {COUPONS_MAX} are allowed")
    uses = tuple(_use(inner) for inner in listed[:COUPONS_MAX])
    for place, use in enumerate(uses):
        for earlier in uses[:place]:
            if earlier.coupon == use.coupon and _overlap(earlier, use):
                since = format_instant(earlier.start)
                reader.problem(f"coupon[{place}]", f"{use.coupon!r} is attached already, from {since} on")
    return uses


def _value(reader: TableReader) -> tuple[Exact | None, Exact | None, Currency | None]:
    relative, absolute = reader.has("percent"), reader.has("amount")
    if relative == absolute:
        reader.problem("" if absolute else "percent", "write either percent, or amount and currency")
    percent = read_percent(reader, "percent", maximum=DISCOUNT_PERCENT_MAX) if relative else None
    if percent == 0:
        reader.problem("percent", "0 % takes nothing off")
    if not absolute:
        if reader.has("currency"):
            reader.problem("currency", "means nothing without an amount")
        return percent, None, None
    unit = read_currency(reader)
    amount = read_settled_amount(reader, "amount", unit)
    if amount == 0:
        reader.problem("amount", "0 takes nothing off")
    return percent, amount, unit


def _until(reader: TableReader) -> Instant | None:
    until = reader.optional_instant("until")
    forever = reader.boolean("forever", default=False)
    stated = [name for name in ENDS if (forever if name == "forever" else reader.has(name))]
    if not stated:
        reader.problem("", f"says nowhere how long it holds: {ONE_END}")
    elif len(stated) > 1:
        reader.problem(stated[-1], f"{' and '.join(stated)} are different ends: {ONE_END}")
    return until


def _scope(reader: TableReader) -> CouponScope:
    inner = reader.table("applies_to")
    if inner is None:
        return CouponScope()
    scope = CouponScope(
        prices=tuple(PriceKey(key) for key in inner.texts("prices")),
        plans=tuple(PlanKey(key) for key in inner.texts("plans")),
        programs=tuple(ProgramKey(key) for key in inner.texts("programs")),
    )
    inner.finish()
    if scope == CouponScope() and set(inner.names) <= {"prices", "plans", "programs"}:
        reader.problem("applies_to", "names nothing: leave it out for a coupon on all lines")
    return scope


def _use(reader: TableReader) -> CouponUse:
    use = CouponUse(
        coupon=CouponKey(reader.text("coupon")),
        start=reader.instant("from"),
        end=reader.optional_instant("until"),
    )
    if use.end is not None and use.end <= use.start:
        reader.problem("until", "is not after from")
    reader.finish()
    return use


def _overlap(one: CouponUse, other: CouponUse) -> bool:
    first, second = sorted((one, other), key=lambda use: use.start)
    return first.end is None or second.start < first.end
