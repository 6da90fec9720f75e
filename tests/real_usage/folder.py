"""A set under construction: its files and calls, the world that they mean, and what is written at last."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

from tests.real_usage.instants import text
from tests.real_usage.money import Price, cents_text, plain_text
from tests.real_usage.world import Event, Line, World

BY = "tests/real_usage, a plain script over the raw file"
LINE_COLUMNS = (
    *("customer", "period_start", "currency", "kind", "sequence", "price", "meter"),
    *("segment_start", "segment_end", "events", "quantity", "amount"),
)


@dataclass
class SetFolder:
    """`candidate` is another catalog for the same calls: the same documents, but for one tier."""

    name: str
    world: World
    now: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    calls: list[dict[str, object]] = field(default_factory=list)
    candidate: dict[str, bytes] = field(default_factory=dict)
    changed: dict[str, Line | None] = field(default_factory=dict)
    """Lines that come out otherwise under the candidate, by `line_name`, as they then are."""

    def call(self, at: int, kind: str, **members: object) -> None:
        assert self.now <= at, (kind, text(self.now), text(at))
        self.now = at
        self.calls.append({"at": text(at), "call": kind, **members})

    def send(self, at: int, name: str, items: Iterable[tuple[str, Event | None]], **members: object) -> None:
        """One request: lines of NDJSON, and the events that they are."""
        sent = list(items)
        body = "".join(line + "\n" for line, _ in sent).encode()
        file = f"events/{name}.ndjson"
        assert self.files.setdefault(file, body) == body, file
        self.call(at, "ingest", file=file, **members)
        self.world.receive([event for _, event in sent])

    def send_again(self, at: int, name: str, key: str) -> None:
        """The same request under the same key: the stored receipt comes back, and nothing is received."""
        self.call(at, "ingest", file=f"events/{name}.ndjson", idempotency_key=key)

    def read(self, at: int, name: str, body: bytes, events: Iterable[Event], **members: object) -> None:
        """A file in the format of its source."""
        assert self.files.setdefault(f"events/{name}", body) == body, name
        self.call(at, "ingest", file=f"events/{name}", **members)
        self.world.receive(list(events))

    def close(self, at: int) -> None:
        self.call(at, "close", as_of=text(at))
        self.world.close(at)

    def correct(self, at: int) -> None:
        self.call(at, "correction", by="Dana", reason="what came late", approved_by="Erin")
        self.world.correct()

    def write(self, out: Path) -> Path:
        """`out`/name with everything, and `out`/name-candidate with the other catalog."""
        folder = out / self.name
        expected = self._expected()
        for name, content in {**self.files, **expected, "calls.jsonl": self._calls()}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        (folder / "set.toml").write_text(self._face(expected))
        for name, content in self.candidate.items():
            (out / f"{self.name}-candidate").mkdir(exist_ok=True)
            (out / f"{self.name}-candidate" / name).write_bytes(content)
        return folder

    def _calls(self) -> bytes:
        return "".join(json.dumps(call) + "\n" for call in self.calls).encode()

    def _face(self, expected: dict[str, bytes]) -> str:
        said = (
            f'format = "tieout/replay-set/1"\nname = "{self.name}"\nmade_by = "python -m tests.real_usage"\n'
        )
        for name, content in expected.items():
            what = Path(name).stem if Path(name).stem in ("totals", "counts") else "lines"
            said += f'\n[[expected]]\nfile = "{name}"\nwhat = "{what}"\norigin = "script"\nby = "{BY}"\n'
            said += f'sha256 = "{sha256(content).hexdigest()}"\n'
        said += "\n[files]\n"
        for name, content in {**self.files, "calls.jsonl": self._calls()}.items():
            said += f'"{name}" = "{sha256(content).hexdigest()}"\n'
        return said

    def _expected(self) -> dict[str, bytes]:
        lines = self.world.lines
        return {
            "expected/lines.csv": _csv(LINE_COLUMNS, [_line_row(line) for line in lines]),
            "expected/meters.csv": _csv(*_meter_rows(lines)),
            "expected/totals.csv": _csv(*_total_rows(lines)),
            "expected/counts.csv": _csv(*_count_rows(self.world)),
        }


def line_name(line: Line) -> str:
    """What tells a line from any other of the set."""
    scope = line.scope
    parts = (
        scope.customer,
        text(line.paper[0]),
        line.kind,
        str(line.sequence),
        scope.price,
        text(scope.start),
    )
    return " ".join(parts)


def with_tier(prices: dict[str, Price], key: str, tier: int, each: str) -> dict[str, Price]:
    """The same prices, but for one tier of one."""
    tiers = list(prices[key].tiers)
    tiers[tier] = replace(tiers[tier], each=each)
    return {**prices, key: replace(prices[key], tiers=tuple(tiers))}


def differing(one: World, other: World) -> dict[str, Line | None]:
    """Lines of two worlds that differ in anything, or that one of them lacks, as they are in the other."""
    mine, theirs = ({line_name(line): line for line in world.lines} for world in (one, other))
    return {name: theirs.get(name) for name in mine | theirs if mine.get(name) != theirs.get(name)}


def _csv(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue().encode()


def _line_row(line: Line) -> list[str]:
    scope = line.scope
    return [
        *(scope.customer, text(line.paper[0]), "USD", line.kind, str(line.sequence), scope.price),
        *(line.meter or "", text(scope.start), text(scope.end)),
        "" if line.events is None else str(line.events),
        "" if line.quantity is None else plain_text(line.quantity),
        cents_text(line.amount),
    ]


def _meter_rows(lines: list[Line]) -> tuple[list[str], list[list[str]]]:
    """What a customer's papers of a period say of each meter, over all prices and parts."""
    quantities: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    amounts: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for line in lines:
        key = (line.scope.customer, text(line.paper[0]), line.meter or "")
        quantities[key] += line.quantity or 0
        amounts[key] += line.amount
    columns = ["customer", "period_start", "currency", "meter", "quantity", "amount"]
    return columns, [
        [customer, start, "USD", meter, plain_text(quantities[key]) if meter else "", cents_text(amount)]
        for key, amount in amounts.items()
        for customer, start, meter in [key]
    ]


def _total_rows(lines: list[Line]) -> tuple[list[str], list[list[str]]]:
    totals: dict[tuple[str, str, str, str], Fraction] = defaultdict(Fraction)
    for line in lines:
        totals[line.scope.customer, text(line.paper[0]), line.kind, str(line.sequence)] += line.amount
    columns = ["customer", "period_start", "currency", "kind", "sequence", "subtotal", "total"]
    return columns, [
        [customer, start, "USD", kind, sequence, cents_text(total), cents_text(total)]
        for (customer, start, kind, sequence), total in totals.items()
    ]


def _count_rows(world: World) -> tuple[list[str], list[list[str]]]:
    columns = ["received", "accepted", "duplicate", "conflict", "quarantined"]
    return columns, [[str(world.counts[name]) for name in columns]]
