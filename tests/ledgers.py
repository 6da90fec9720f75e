"""A home whose ledger has everything at once: currencies of two, no and three decimals, taxes that the prices
contain and that are added, coupons, fees in advance, a prepaid commitment and one that rolls over, paid and
promotional credits, and names that mean something to other programs.
"""

from __future__ import annotations

from pathlib import Path

from tests.balances import give
from tests.small_home import SIGNED_AT, ingest, sign_policy
from tieout.close.outcome import Sealed
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import parse_instant
from tieout.wiring import Home, create_home

CLOSES = ("2026-02-03T00:00:00Z", "2026-03-03T00:00:00Z", "2026-04-03T00:00:00Z")

HOSTILE = {
    "ink": '=HYPERLINK("http://x";"pay")',
    "yen:co/1": "Yen; | Co \\ \U0001f98a\u200f  (x) * ! {a} [b] #tag ^link",
    "dinar-bh": '@SUM(A1) "quoted", \\"twice\\\\',
}

HEAD = """
[[event]]
type = "api.call"
version = 1
effective_from = 2025-01-01T00:00:00Z
description = "One call."

[[meter]]
key = "calls"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Every call."
owner = "api"
event = "api.call"
aggregation = "count"
unit = "call"

[[tax]]
key = "vat"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "VAT"
jurisdiction = "DE"
percent = "19"
inclusive = true

[[tax]]
key = "levy"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Levy"
jurisdiction = "XX"
percent = "7.77"

[[coupon]]
key = "tenth"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "A tenth"
percent = "10"
forever = true

[[seller]]
key = "us"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "We Inc."
address = ["1 Street"]
number_series = "INV"
"""

PLAN = """
[[price]]
key = "fee-{code}"
version = 1
effective_from = 2025-01-01T00:00:00Z
currency = "{code}"
description = "=Fee; | in advance"
shape = "flat"
amount = "{fee}"
timing = "advance"

[[price]]
key = "calls-{code}"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "calls"
currency = "{code}"
description = "Calls"
shape = "per_unit"
unit_amount = "{unit}"

[[plan]]
key = "basic-{code}"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Basic"
currency = "{code}"
prices = ["fee-{code}", "calls-{code}"]
"""

CUSTOMER = """
[[customer]]
key = "{key}"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = '''{name}'''
zone = "{zone}"
currency = "{code}"
seller = "us"
address = ["2 Street"]
terms_days = 30
taxes = ["{tax}"]
{coupon}
[[subscription]]
key = "{key}-main"
version = 1
effective_from = 2025-12-31T00:00:00Z
customer = "{key}"

[[subscription.phase]]
plan = "basic-{code}"
from = {start}
{ends}
{commitment}
[[subject]]
subject = "key-{key}"
customer = "{key}"
from = 2025-01-01T00:00:00Z
"""

COUPON = """
[[customer.coupon]]
coupon = "tenth"
from = 2026-01-01T00:00:00-05:00
"""

UPFRONT = """
[[subscription.commitment]]
key = "prepaid"
kind = "minimum"
amount = "33.33"
from = 2026-01-01T00:00:00-05:00
until = 2026-03-01T00:00:00-05:00
billing = "upfront"
"""

ROLLING = """
[[subscription.commitment]]
key = "rolling"
kind = "minimum"
amount = "10.001"
from = 2026-01-01T00:00:00+03:00
until = 2026-03-01T00:00:00+03:00
billing = "each_period"
rollover = true
"""


def ledger_catalog() -> str:
    plans = [
        PLAN.format(code=code, fee=fee, unit=unit)
        for code, fee, unit in (("USD", "9.99", "0.37"), ("JPY", "1000", "7"), ("BHD", "3.333", "0.117"))
    ]
    customers = [
        CUSTOMER.format(
            key="ink",
            name=HOSTILE["ink"],
            zone="America/New_York",
            code="USD",
            tax="vat",
            coupon=COUPON,
            ends="until = 2026-03-16T00:00:00-04:00",
            start="2026-01-01T00:00:00-05:00",
            commitment=UPFRONT,
        ),
        CUSTOMER.format(
            key="yen:co/1",
            name=HOSTILE["yen:co/1"],
            zone="Asia/Tokyo",
            code="JPY",
            tax="levy",
            coupon="",
            ends="",
            start="2026-01-01T00:00:00+09:00",
            commitment="",
        ),
        CUSTOMER.format(
            key="dinar-bh",
            name=HOSTILE["dinar-bh"],
            zone="Asia/Bahrain",
            code="BHD",
            tax="vat",
            coupon="",
            ends="",
            start="2026-01-01T00:00:00+03:00",
            commitment=ROLLING,
        ),
    ]
    return HEAD + "".join(plans) + "".join(customers)


def call(number: int, customer: str, time: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "source": "gateway",
        "id": f"e{number}",
        "type": "api.call",
        "subject": f"key-{customer}",
        "time": time,
        "data": {},
    }


COUNTS = {"ink": (31, 43, 8), "yen:co/1": (113, 0, 5), "dinar-bh": (29, 101, 3)}
"""Calls in January, February and March."""


def make_ledger_home(folder: Path) -> tuple[Home, SteppedClock]:
    """Three months of it, all sealed. Raises where a draft is held."""
    clock = SteppedClock(SIGNED_AT)
    home = create_home(folder, clock=clock)
    papers = folder / "papers"
    papers.mkdir()
    (papers / "catalog.toml").write_text(ledger_catalog())
    apply_catalog(home, papers / "catalog.toml")
    sign_policy(home, papers)
    give(home, "ink", "5.01", "gift", kind="promotional")
    give(home, "ink", "20.00", "bought", expires_at=parse_instant("2026-03-01T00:00:00-05:00"), priority=500)
    give(home, "yen:co/1", "900", "yen", expires_at=parse_instant("2026-01-20T00:00:00Z"))
    events = [
        call(10_000 * place + 1_000 * month + number, customer, f"2026-0{month}-10T00:00:{number % 60:02d}Z")
        for place, (customer, counts) in enumerate(COUNTS.items())
        for month, count in enumerate(counts, start=1)
        for number in range(count)
    ]
    for as_of in CLOSES:
        clock.set_to(parse_instant(as_of))
        ingest(home, [each for each in events if str(each["time"]) < as_of], f"{as_of[:7]}.ndjson")
        events = [each for each in events if str(each["time"]) >= as_of]
        report = close(home, as_of=parse_instant(as_of))
        assert report.invoices and all(isinstance(each[2], Sealed) for each in report.outcomes), (
            report.outcomes
        )
    return home, clock
