"""What it costs to rate charges on one core: four graduated tiers, a distinct quantity each, and the working.

Beside it stands the same in plain decimals, written as one would write it first: a loop over the tiers in
`decimal`, with a sentence for each. Both ask the same amount for every quantity, or nothing is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from statistics import median

from tieout.aggregate.snapshot import Snapshot
from tieout.contract.plan import Plan
from tieout.contract.price import Graduated, Price, Tier
from tieout.kernel.digest import Fingerprint
from tieout.kernel.ids import CustomerId, MeterKey, PlanKey, PriceKey, SubscriptionId, Watermark
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding
from tieout.rate.rate import rate

ROOT = Path(__file__).resolve().parents[1]
CHARGES = 300_000
SECONDS_MAX = 6
SEED = 2026
JANUARY = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z"))
TIERS = (("1000", "0.0125", "0"), ("10000", "0.0100", "5"), ("100000", "0.0075", "0"), (None, "0.0050", "20"))
"""Up to, for each unit, on entering."""
METER, SUBSCRIPTION = MeterKey("requests"), SubscriptionId("bench")
PLAN = Plan(PlanKey("bench"), 1, Instant(0), "Bench", "USD", (PriceKey("requests"),), None, "")
PRICE = Price(
    key=PriceKey("requests"),
    version=1,
    effective_from=Instant(0),
    meter=METER,
    currency="USD",
    description="Requests",
    shape=Graduated(
        tuple(
            Tier(None if up_to is None else Quantity.parse(up_to), exact(unit_amount), exact(flat_amount))
            for up_to, unit_amount, flat_amount in TIERS
        ),
        exact(1),
    ),
    rounding=Rounding.HALF_AWAY_FROM_ZERO,
    tier_split="restart",
    digest="",
)
Row = dict[str, str | int | float]


def quantities(count: int) -> list[Quantity]:
    """Distinct, with six decimals; most of them end in the last two tiers."""
    drawn = random.Random(SEED).sample(range(300_000 * 10**6), count)  # noqa: S311 - no secret
    return [Quantity(micros * 10**6) for micros in drawn]


def snapshot_of(quantity: Quantity) -> Snapshot:
    return Snapshot(
        METER, 1, "", "requests", SUBSCRIPTION, CustomerId("bench"), JANUARY, Watermark(1), quantity, 1,
        Fingerprint(1, 0, 0), 0,
    )  # fmt: skip


def exact_seconds(wanted: list[Quantity]) -> tuple[float, list[Fraction]]:
    snapshots = [snapshot_of(quantity) for quantity in wanted]
    gc.freeze()  # what there was before need not be looked at again while it is measured
    begin = time.perf_counter()
    charges = [
        rate(snapshot, PRICE, plan=PLAN, subscription=SUBSCRIPTION, period=JANUARY, segment=JANUARY)
        for snapshot in snapshots
    ]
    return time.perf_counter() - begin, [charge.amount for charge in charges]


def decimal_seconds(wanted: list[Quantity]) -> tuple[float, list[Fraction]]:
    tiers = [
        (None if up_to is None else Decimal(up_to), Decimal(unit_amount), Decimal(flat_amount))
        for up_to, unit_amount, flat_amount in TIERS
    ]
    usage = [Decimal(str(quantity)) for quantity in wanted]
    with localcontext(Context(prec=60)):
        gc.freeze()
        begin = time.perf_counter()
        rated = [_in_decimals(used, tiers) for used in usage]
        taken = time.perf_counter() - begin
    return taken, [Fraction(amount) for amount, _ in rated]


def _in_decimals(
    used: Decimal, tiers: list[tuple[Decimal | None, Decimal, Decimal]]
) -> tuple[Decimal, list[str]]:
    amount, lower, steps = Decimal(0), Decimal(0), []
    for place, (up_to, unit_amount, flat_amount) in enumerate(tiers):
        if place and used <= lower:
            break
        units = (used if up_to is None else min(used, up_to)) - lower
        cost = units * unit_amount
        steps.append(f"{units:,} requests (above {lower:,}) at {unit_amount} USD each = {cost:,} USD")
        if flat_amount:
            steps.append(f"fixed amount of tier {place + 1} = {flat_amount:,} USD")
        amount += cost + flat_amount
        lower = lower if up_to is None else up_to
    return amount, steps


Contender = Callable[[list[Quantity]], tuple[float, list[Fraction]]]
CONTENDERS: dict[str, Contender] = {"tieout": exact_seconds, "plain decimals": decimal_seconds}


def measure(*, charges: int = CHARGES, rounds: int) -> list[Row]:
    """The row of bench.json: medians of interleaved rounds, each a process of its own."""
    command = [sys.executable, "-m", "bench.rating", "--charges", str(charges)]
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        answers = {}
        for name in CONTENDERS:
            told = subprocess.run(
                [*command, "--contender", name], cwd=ROOT, stdout=subprocess.PIPE, check=True
            ).stdout
            answer = json.loads(told)
            seconds[name].append(answer["seconds"])
            answers[name] = answer["total"]
        assert len(set(answers.values())) == 1, f"the amounts differ: {answers}"
    ours, peer = (round(median(seconds[name]), 2) for name in CONTENDERS)
    row: Row = {"name": "rate_graduated", "value": ours, "unit": f"s for {charges:,} charges"}
    return [row | {"peer": "plain decimals", "peer_value": peer, "ratio": round(ours / peer, 2)}]


def floors_told(rows: list[Row]) -> list[str]:
    value = float(rows[0]["value"])
    reached = "reached" if value <= SECONDS_MAX else "NOT reached"
    return [f"rating of {CHARGES:,} charges on one core, at most {SECONDS_MAX} s: {reached}"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rating", description=__doc__)
    parser.add_argument("--charges", type=int, default=CHARGES)
    parser.add_argument("--contender", choices=list(CONTENDERS), default="tieout")
    asked = parser.parse_args()
    seconds, amounts = CONTENDERS[asked.contender](quantities(asked.charges))
    print(json.dumps({"seconds": seconds, "total": str(sum(amounts, Fraction(0)))}))


if __name__ == "__main__":
    main()
