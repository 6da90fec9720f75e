"""What senders say: events in any order over some days, retractions before or after what they take back,
whole requests again, other content under a known id, and what no contract allows.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.simulation.world import SOURCE, Customer

YEAR_BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
RETRACTION = "tieout.retraction"
CONFLICTS, RETRACTED, TESTS, BAD, AGAIN = 0.01, 0.12, 0.05, 0.01, 0.15
"""Shares of events, and of requests that are sent a second time although they were answered."""
STEADY = 3
"""The last customers: what they say comes in steps, one after another, so that it surely crosses a threshold,
is taken back, and crosses again. Of the others, chance and the batches that requests fall into decide."""
STEADY_TOKENS = 4_000


@dataclass(frozen=True, slots=True)
class Said:
    """One event as it was sent, in what a second computation needs of it. `takes_back`: an id."""

    id: str
    customer: str
    time: datetime
    tokens: int
    is_test: bool = False
    takes_back: str | None = None

    def line(self) -> bytes:
        is_call = self.takes_back is None
        data: dict[str, object] = {"tokens": self.tokens}
        if self.is_test:
            data["environment"] = "test"
        if not is_call:
            data = {"target_id": self.takes_back, "reason": "sent in error"}
        event = {
            "specversion": "1.0",
            "source": SOURCE,
            "id": self.id,
            "type": "api.call" if is_call else RETRACTION,
            "subject": f"key-{self.customer}",
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "data": data,
        }
        return json.dumps(event).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Request:
    """`key` None: sent without an idempotency key. `again`: sent once more after it was answered."""

    number: int
    said: tuple[Said, ...]
    bad: int
    key: str | None
    again: bool

    def body(self) -> bytes:
        refused = b'{"specversion":"1.0","id":"bad-%d","source":"gateway","type":"api.call","data":{}}\n'
        lines = [each.line() for each in self.said] + [refused % self.number] * self.bad
        return b"".join(lines)


@dataclass(slots=True)
class Traffic:
    """All that is ever sent: by id every content it was sent with, requests by phase, and after these the
    `steps`, of which each is sent once the one before is answered."""

    by_id: dict[str, list[Said]] = field(default_factory=dict)
    phases: list[list[Request]] = field(default_factory=list)
    steps: list[Request] = field(default_factory=list)


def traffic(listed: list[Customer], phase_starts: list[datetime], *, seed: int, largest: int) -> Traffic:
    """`largest`: events of a request at most. What a phase sends happened before it began."""
    chance = random.Random(seed)
    found = Traffic()
    phases: list[list[Said]] = [[] for _ in phase_starts]
    for customer in listed[:-STEADY]:
        many = customer.plan == "runaway"
        for number in range(chance.randint(16, 20) if many else chance.randint(5, 15)):
            place = chance.randrange(len(phase_starts))
            begins = YEAR_BEGINS - timedelta(hours=customer.hours)
            time = begins + (phase_starts[place] - begins) * chance.random()
            if chance.random() < 0.02:  # on the first instant of the month, or the last before it
                time = begins - timedelta(microseconds=chance.randrange(2))
            tokens = chance.randint(3_000, 6_000) if many else chance.randint(50, 1_100)
            said = Said(f"{customer.key}-{number}", customer.key, time, tokens, chance.random() < TESTS)
            phases[place].append(said)
            if chance.random() < CONFLICTS:
                other = Said(said.id, customer.key, time, tokens + 1, said.is_test)
                phases[chance.randrange(len(phase_starts))].append(other)
            if chance.random() < RETRACTED:
                id = f"{RETRACTION}:{said.id}"
                phases[chance.randrange(len(phase_starts))].append(
                    Said(id, customer.key, YEAR_BEGINS + timedelta(days=1), 0, takes_back=said.id)
                )
    steps = _steps(listed[-STEADY:])
    for said in (each for part in (*phases, *steps) for each in part):
        found.by_id.setdefault(said.id, []).append(said)
    numbers = iter(range(10**9))
    for phase in phases:
        chance.shuffle(phase)
        requests = []
        while phase:
            size = chance.randint(1, largest)
            taken, phase[:size] = tuple(phase[:size]), []
            number = next(numbers)
            key = f"request-{number}" if chance.random() < 0.5 else None
            bad = chance.random() < BAD * len(taken)
            requests.append(Request(number, taken, int(bad), key, chance.random() < AGAIN))
        found.phases.append(requests)
    for step in steps:
        number = next(numbers)
        found.steps.append(Request(number, tuple(step), 0, f"request-{number}", again=False))
    return found


def _steps(steady: list[Customer]) -> list[list[Said]]:
    time = YEAR_BEGINS + timedelta(days=2)
    crossed, again = (
        [Said(f"{each.key}-{word}", each.key, time, STEADY_TOKENS) for each in steady]
        for word in ("first", "again")
    )
    back = [Said(f"{RETRACTION}:{each.id}", each.customer, time, 0, takes_back=each.id) for each in crossed]
    return [crossed, back, again]
