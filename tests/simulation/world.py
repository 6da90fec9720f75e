"""Who there is, what they pay, and which rules watch them: as documents for Tieout, and as plain facts for
whoever computes it a second time.
"""

from __future__ import annotations

from dataclasses import dataclass

ZONES = (("UTC", 0), ("America/New_York", -5), ("Pacific/Auckland", 13))
"""Each with its hours beside UTC in January and at the begin of February 2026."""
INCLUDED_EVERY, RUNAWAY_EVERY, BUDGET_EVERY = 5, 500, 7
SOURCE = "gateway"


@dataclass(frozen=True, slots=True)
class Customer:
    """`plan`: basic, included (20 calls a month are free) or runaway (may be billed inside a month)."""

    key: str
    plan: str
    zone: str
    hours: int
    budget: bool


def customers(count: int) -> list[Customer]:
    """Of the same mixture whatever their number; one of them at least runs away."""
    return [_customer(number) for number in range(count)]


def _customer(number: int) -> Customer:
    zone, hours = ZONES[number % len(ZONES)]
    plan = "included" if number % INCLUDED_EVERY == 2 else "basic"
    plan = "runaway" if number % RUNAWAY_EVERY == 3 else plan
    return Customer(f"c{number:05}", plan, zone, hours, plan == "included" and number % BUDGET_EVERY == 0)


CATALOG = """
[[event]]
type = "api.call"
version = 1
effective_from = 2025-01-01T00:00:00Z
description = "One call."
[event.fields.tokens]
type = "integer"
use = "billing"
minimum = "0"
[event.fields.environment]
type = "string"
use = "context"

[[meter]]
key = "calls"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Calls in production."
owner = "product"
event = "api.call"
aggregation = "count"
unit = "call"

[[meter]]
key = "tokens"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Tokens in production."
owner = "product"
event = "api.call"
aggregation = "sum"
field = "tokens"
unit = "token"

[[price]]
key = "fee"
version = 1
effective_from = 2025-01-01T00:00:00Z
currency = "USD"
description = "Monthly fee"
shape = "flat"
amount = "10.00"

[[price]]
key = "calls-each"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "calls"
currency = "USD"
description = "Calls"
shape = "per_unit"
unit_amount = "0.015"

[[price]]
key = "calls-beyond"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "calls"
currency = "USD"
description = "Calls beyond 20"
shape = "per_unit"
unit_amount = "0.02"
allowance = "20"

[[price]]
key = "tokens"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "tokens"
currency = "USD"
description = "Tokens"
shape = "graduated"
per = "1000"
tiers = [ { up_to = "5000", unit_amount = "2" }, { unit_amount = "1.5" } ]

[[seller]]
key = "us"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "We Inc."
address = ["1 Street"]
number_series = "INV"
"""
PLAN = """
[[plan]]
key = "{key}"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "{key}"
currency = "USD"
prices = ["fee", "{calls}", "tokens"]
feature = [ {{ key = "chat" }}, {{ key = "search" }} ]
"""
CUSTOMER = """
[[customer]]
key = "{key}"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "{key} Ltd"
zone = "{zone}"
currency = "USD"
seller = "us"
address = ["2 Street"]
terms_days = 30

[[subscription]]
key = "{key}-main"
version = 1
effective_from = 2025-12-20T00:00:00Z
customer = "{key}"
[[subscription.phase]]
plan = "{plan}"
from = "2026-01-01T00:00:00{offset}"

[[subject]]
subject = "key-{key}"
customer = "{key}"
from = 2025-01-01T00:00:00Z
"""
BUDGET = """
[[budget]]
key = "{key}"
version = 1
effective_from = 2026-01-01T00:00:00Z
customer = "{key}"
currency = "USD"
amount = "24.00"
"""
RULE = """
[[{kind}]]
key = "{key}"
version = 1
effective_from = 2025-12-20T00:00:00Z
name = "{key}"
{members}
"""
USAGE = 'watch = "usage"\nmeter = "{meter}"\n'
DOLLARS = 'watch = "exposure"\ncurrency = "USD"\n'
POLICY = """
[[policy]]
key = "close"
version = 1
effective_from = 2025-12-01T00:00:00Z
cadence = "monthly"
grace_hours = 24
proposer = "Dana"
[policy.off_cycle]
plans = ["runaway"]
exposure_over = { USD = "60.00" }
"""


def rules() -> str:
    """Rules of all three types: alerts tell, controls hold, ask a person or ask the invoice rules, and the
    policy (`POLICY`) says what is billed inside a month."""
    tokens, calls = USAGE.format(meter="tokens"), USAGE.format(meter="calls")
    alert, control = "alert", "charge_control"
    included, runaway = 'plans = ["included"]\n', 'plans = ["runaway"]\n'
    everyone = "everyone = true\n"
    again = 'rearm = "below"\n'
    hold = 'action = "hold"\nfeatures = ["chat"]\nends = "below"'
    listed = [
        (alert, "many-tokens", everyone + tokens + again + 'rearm_below = "2500"\nat = ["3000", "6000"]'),
        (alert, "free-calls", included + calls + 'percent_of = "allowance"\nat = ["40", "60"]'),
        (alert, "costly", included + DOLLARS + 'at = ["21.00"]'),
        (alert, "budget", included + 'watch = "exposure"\npercent_of = "budget"\nat = ["60", "90"]'),
        (control, "stop-tokens", everyone + tokens + again + f'at = ["6500"]\n{hold}'),
        (control, "stop-calls", included + calls + 'at = ["13"]\naction = "hold"\nends = "period"'),
        (control, "look-at", included + DOLLARS + 'at = ["22.00"]\naction = "review"'),
        (control, "bill-now", runaway + DOLLARS + 'at = ["60.00"]\naction = "interim"'),
    ]
    return "".join(RULE.format(kind=kind, key=key, members=members) for kind, key, members in listed)


def documents(listed: list[Customer]) -> dict[str, str]:
    """The catalog, by file name."""
    plans = (("basic", "calls-each"), ("included", "calls-beyond"), ("runaway", "calls-each"))
    found = {"terms.toml": CATALOG + "".join(PLAN.format(key=key, calls=calls) for key, calls in plans)}
    for first in range(0, len(listed), 1_000):
        texts = [
            CUSTOMER.format(key=each.key, zone=each.zone, plan=each.plan, offset=_offset(each.hours))
            + (BUDGET.format(key=each.key) if each.budget else "")
            for each in listed[first : first + 1_000]
        ]
        found[f"from-{first:05}.toml"] = "".join(texts)
    return found


def targets(hook: str, mail_port: int) -> str:
    """All of it to a web hook that fails at random, one by one; what controls do by mail, in digests."""
    return f"""
[[notice_target]]
key = "hook"
version = 1
effective_from = 2025-12-01T00:00:00Z
kind = "webhook"
url = "{hook}"
secret = "hook"
takes = ["alert.*", "charge.*"]

[[notice_target]]
key = "mail"
version = 1
effective_from = 2025-12-01T00:00:00Z
kind = "email"
address = "flaky@desk.example"
takes = ["charge.*"]
digest_minutes = 5
[notice_target.server]
host = "127.0.0.1"
port = {mail_port}
security = "none"
sender = "tieout@seller.example"
"""


def _offset(hours: int) -> str:
    return "Z" if not hours else f"{'+' if hours > 0 else '-'}{abs(hours):02}:00"
