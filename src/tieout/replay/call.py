"""The calls of a replay set: `calls.jsonl`, one JSON object a line, in the order in which they came.

Every call says when it came (`at`), what it was (`call`), and the members of its kind, all texts or lists of
texts. All problems are found at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tieout.contract.problem import Problem
from tieout.kernel.instant import Instant, MalformedInstant, format_instant, parse_instant
from tieout.replay.inside import inside_problem

CALLS_FILE: Final = "calls.jsonl"
VERDICTS: Final = ("accepted", "duplicate", "conflict", "quarantined")


class CallKind(StrEnum):
    """What was called."""

    CATALOG = "catalog"
    PROPOSE = "propose"
    KEY = "key"
    REVOKE_KEY = "revoke-key"
    SIGNATURE = "signature"
    REHEARSE = "rehearse"
    INGEST = "ingest"
    RETRACT = "retract"
    LOOK = "look"
    CLOSE = "close"
    GRANT = "grant"
    PAYMENT = "payment"
    MANUAL_LINE = "manual-line"
    CORRECTION = "correction"
    CREDIT = "credit"
    VOID = "void"
    CONTROL_TOTAL = "control-total"
    APPROVE_DRAFT = "approve-draft"
    OBJECT_DRAFT = "object-draft"
    REDRAFT = "redraft"
    APPROVE_DELTA = "approve-delta"
    LOCK_MONTH = "lock-month"
    VERIFY_LOG = "verify-log"
    CLOSE_ALERT = "close-alert"


@dataclass(frozen=True, slots=True)
class Shape:
    """The members of one kind of call. `files`: those of them that name a file (of `catalog`: or a folder) of
    the set; `instants`: those that are RFC 3339."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    instants: tuple[str, ...] = ()


OF_DRAFT: Final = Shape(needs=("customer", "period_start", "by", "reason"), instants=("period_start",))
SHAPES: Final[Mapping[CallKind, Shape]] = {
    CallKind.CATALOG: Shape(needs=("documents",), files=("documents",)),
    CallKind.PROPOSE: Shape(needs=("policy",), files=("policy",)),
    CallKind.KEY: Shape(needs=("role", "person", "public_key"), files=("public_key",)),
    CallKind.REVOKE_KEY: Shape(needs=("key_id",)),
    CallKind.SIGNATURE: Shape(needs=("of", "file"), may=("meter", "version"), files=("file",)),
    CallKind.REHEARSE: Shape(),
    CallKind.INGEST: Shape(
        needs=("file",),
        may=("format", "source", "idempotency_key", "key"),
        lists=("sources",),
        files=("file",),
    ),
    CallKind.RETRACT: Shape(needs=("source", "id", "by", "reason"), may=("approved_by",)),
    CallKind.LOOK: Shape(),
    CallKind.CLOSE: Shape(needs=("as_of",), lists=("accounts",), instants=("as_of",)),
    CallKind.GRANT: Shape(
        needs=("customer", "amount", "kind", "id", "by", "reason"),
        may=("currency", "priority", "effective_at", "expires_at"),
        lists=("prices", "plans"),
        instants=("effective_at", "expires_at"),
    ),
    CallKind.PAYMENT: Shape(
        needs=("invoice", "amount", "reference", "by"), may=("received_at",), instants=("received_at",)
    ),
    CallKind.MANUAL_LINE: Shape(
        needs=("customer", "within", "amount", "description", "tax_category", "by", "reason", "approved_by"),
        instants=("within",),
    ),
    CallKind.CORRECTION: Shape(
        needs=("by", "reason", "approved_by"), may=("catalog",), lists=("accounts",), files=("catalog",)
    ),
    CallKind.CREDIT: Shape(
        needs=("invoice", "line", "amount", "kind", "by", "reason", "approved_by"), may=("to",)
    ),
    CallKind.VOID: Shape(needs=("invoice", "by", "reason", "approved_by")),
    CallKind.CONTROL_TOTAL: Shape(
        needs=("source", "id", "type", "start", "end", "events"),
        may=("field", "total"),
        instants=("start", "end"),
    ),
    CallKind.APPROVE_DRAFT: OF_DRAFT,
    CallKind.OBJECT_DRAFT: OF_DRAFT,
    CallKind.REDRAFT: OF_DRAFT,
    CallKind.APPROVE_DELTA: OF_DRAFT,
    CallKind.LOCK_MONTH: Shape(needs=("month", "by", "reason")),
    CallKind.VERIFY_LOG: Shape(needs=("by",)),
    CallKind.CLOSE_ALERT: Shape(needs=("id", "by", "reason")),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `recorded`: of an ingest, how many items of each verdict the recorded home counted."""

    line: int
    at: Instant
    kind: CallKind
    texts: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    recorded: Mapping[str, int] | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the set that it names."""
        return tuple(self.texts[name] for name in SHAPES[self.kind].files if name in self.texts)


def parse_calls(text: str) -> tuple[list[Call], list[Problem]]:
    """Every call that reads, and every problem of the others."""
    calls: list[Call] = []
    problems: list[Problem] = []
    latest: Instant | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        call, found = _parse(number, line)
        problems += found
        if call is None:
            continue
        if latest is not None and call.at < latest:
            message = f"came before the call above it ({format_instant(latest)}); calls are in their order"
            problems.append(_problem(number, "at", message))
        latest = call.at
        calls.append(call)
    if not calls and not problems:
        problems.append(Problem(CALLS_FILE, "", "", "holds no call"))
    return calls, problems


def call_text(call: Call) -> str:
    """Its line, without the newline; what `parse_calls` reads back."""
    members: dict[str, object] = {"at": format_instant(call.at), "call": call.kind.value}
    members |= call.texts
    members |= {name: list(values) for name, values in call.lists.items()}
    if call.recorded is not None:
        members["recorded"] = dict(call.recorded)
    return json.dumps(members, ensure_ascii=False)


def _parse(number: int, line: str) -> tuple[Call | None, list[Problem]]:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        return None, [_problem(number, "", f"is not JSON: {error}")]
    if not isinstance(read, dict):
        return None, [_problem(number, "", "is not a JSON object")]
    kind = read.pop("call", None)
    if kind not in tuple(CallKind):
        known = ", ".join(CallKind)
        return None, [_problem(number, "call", f"{kind!r} is no call; there are {known}")]
    found: list[Problem] = []
    at = _instant(number, "at", read.pop("at", None), found)
    shape = SHAPES[CallKind(kind)]
    recorded = _recorded(number, read.pop("recorded", None), found) if kind == CallKind.INGEST else None
    texts, lists = _members(number, read, shape, found)
    if found or at is None:
        return None, found
    return Call(number, at, CallKind(kind), texts, lists, recorded), []


def _members(
    number: int, read: Mapping[str, object], shape: Shape, found: list[Problem]
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    texts: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    known = (*shape.needs, *shape.may, *shape.lists)
    found += [_problem(number, name, "is needed") for name in shape.needs if name not in read]
    for name, value in read.items():
        if name not in known:
            found.append(
                _problem(number, name, f"is not a member of this call; there are {', '.join(known)}")
            )
        elif name in shape.lists:
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                lists[name] = tuple(value)
            else:
                found.append(_problem(number, name, "is not a list of texts"))
        elif not isinstance(value, str):
            found.append(_problem(number, name, "is not a text (numbers too are written as texts)"))
        elif name in shape.instants:
            if _instant(number, name, value, found) is not None:
                texts[name] = value
        else:
            wrong = inside_problem(value) if name in shape.files else None
            found += [] if wrong is None else [_problem(number, name, wrong)]
            texts[name] = value
    return texts, lists


def _recorded(number: int, value: object, found: list[Problem]) -> dict[str, int] | None:
    if value is None:
        return None
    known = isinstance(value, dict) and set(value) == set(VERDICTS)
    if isinstance(value, dict) and known and all(type(n) is int and n >= 0 for n in value.values()):
        return {verdict: value[verdict] for verdict in VERDICTS}
    found.append(_problem(number, "recorded", f"is whole numbers for {', '.join(VERDICTS)}"))
    return None


def _instant(number: int, name: str, value: object, found: list[Problem]) -> Instant | None:
    if not isinstance(value, str):
        found.append(_problem(number, name, "is needed, as an RFC 3339 text"))
        return None
    try:
        return parse_instant(value)
    except MalformedInstant as error:
        found.append(_problem(number, name, str(error)))
        return None


def _problem(number: int, name: str, message: str) -> Problem:
    return Problem(CALLS_FILE, "", name, message, number)
