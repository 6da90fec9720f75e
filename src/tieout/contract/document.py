"""One TOML document as it was written: parsed, canonical, digested; and the way back from stored text to its
record.

The canonical text is what is stored and signed. Defaults are not in it, so a default that changes never
changes what somebody signed; a record is always rebuilt from the text by `record_of`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, cast

from tieout.contract.alert import Alert
from tieout.contract.budget import Budget
from tieout.contract.charge_control import ChargeControl
from tieout.contract.coupon import Coupon
from tieout.contract.event_contract import EventContract
from tieout.contract.meter import Meter
from tieout.contract.notice_target import NoticeTarget
from tieout.contract.party import Customer, Seller
from tieout.contract.plan import Plan
from tieout.contract.policy import Policy
from tieout.contract.price import Price
from tieout.contract.problem import Problem
from tieout.contract.program import Program
from tieout.contract.reading.coupon import read_coupon
from tieout.contract.reading.event import read_event
from tieout.contract.reading.head import Head, read_event_head, read_head, read_subject_head
from tieout.contract.reading.lines import Lines, document_lines, line_of
from tieout.contract.reading.meter import read_meter
from tieout.contract.reading.notice_target import read_notice_target
from tieout.contract.reading.party import read_customer, read_seller
from tieout.contract.reading.plan import read_plan
from tieout.contract.reading.policy import read_policy
from tieout.contract.reading.price import read_price
from tieout.contract.reading.program import read_program
from tieout.contract.reading.source import read_source
from tieout.contract.reading.subject import read_subject
from tieout.contract.reading.subscription import read_subscription
from tieout.contract.reading.table import Findings, TableReader
from tieout.contract.reading.tax import read_tax
from tieout.contract.reading.triggers import read_alert, read_budget, read_charge_control
from tieout.contract.source import SourceMapping
from tieout.contract.subject import SubjectMapping
from tieout.contract.subscription import Subscription
from tieout.contract.tax import Tax
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.digest import document_digest
from tieout.kernel.instant import Instant, MalformedInstant, format_instant, parse_instant
from tieout.kernel.limits import INTEGER_DIGITS_MAX, NESTING_MAX

Record = (
    EventContract
    | Meter
    | Price
    | Plan
    | Coupon
    | Tax
    | Program
    | Seller
    | Customer
    | Subscription
    | SubjectMapping
    | SourceMapping
    | Policy
    | Alert
    | ChargeControl
    | Budget
    | NoticeTarget
)


class DocumentKind(StrEnum):
    """The name of the [[table]] in which documents of a kind are written."""

    EVENT = "event"
    METER = "meter"
    PRICE = "price"
    PLAN = "plan"
    COUPON = "coupon"
    TAX = "tax"
    PROGRAM = "program"
    SELLER = "seller"
    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    SUBJECT = "subject"
    SOURCE = "source"
    POLICY = "policy"
    ALERT = "alert"
    CHARGE_CONTROL = "charge_control"
    BUDGET = "budget"
    NOTICE_TARGET = "notice_target"


@dataclass(frozen=True, slots=True)
class Document:
    """`table` is canonical JSON text, `digest` its SHA-256 in hex. `path`, `line` and `lines` only say where
    it was read; a document read back from the books has no lines and is equal to the one that was applied."""

    kind: DocumentKind
    key: str
    version: int
    effective_from: Instant
    path: str = field(compare=False)
    line: int | None = field(compare=False)
    table: str
    digest: str
    lines: Lines = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """As messages call it: "price tokens v2"."""
        return f"{self.kind} {self.key} v{self.version}"

    def problem(self, name: str, message: str) -> Problem:
        """A problem with the member of that dotted name ("" for the whole document)."""
        return Problem(self.path, self.name, name, message, line_of(self.lines, name) or self.line)


RecordReader = Callable[[TableReader, Head], Record]
READERS: Mapping[DocumentKind, RecordReader] = {
    DocumentKind.EVENT: read_event,
    DocumentKind.METER: read_meter,
    DocumentKind.PRICE: read_price,
    DocumentKind.PLAN: read_plan,
    DocumentKind.COUPON: read_coupon,
    DocumentKind.TAX: read_tax,
    DocumentKind.PROGRAM: read_program,
    DocumentKind.SELLER: read_seller,
    DocumentKind.CUSTOMER: read_customer,
    DocumentKind.SUBSCRIPTION: read_subscription,
    DocumentKind.SUBJECT: read_subject,
    DocumentKind.SOURCE: read_source,
    DocumentKind.POLICY: read_policy,
    DocumentKind.ALERT: read_alert,
    DocumentKind.CHARGE_CONTROL: read_charge_control,
    DocumentKind.BUDGET: read_budget,
    DocumentKind.NOTICE_TARGET: read_notice_target,
}
HEADS: Mapping[DocumentKind, Callable[[TableReader, str], Head]] = {
    DocumentKind.EVENT: read_event_head,
    DocumentKind.SUBJECT: read_subject_head,
}
INTEGER_MAX = 10**INTEGER_DIGITS_MAX - 1
KINDS = tuple(kind.value for kind in DocumentKind)
AT_LINE_PATTERN = re.compile(r"\(at line ([0-9]+), column [0-9]+\)\Z")


def parse_documents(path: str, text: str) -> tuple[list[Document], list[Problem]]:
    """All documents of one TOML text, and every problem of its syntax, of their heads, and of the members of
    documents whose head is broken. What else is wrong inside a document is found by `record_of`, which
    `check` calls."""
    tables, wrong = _toml(path, text)
    if tables is None:
        return [], wrong
    lines = document_lines(text)
    documents: list[Document] = []
    problems: list[Problem] = []
    for kind, entries in tables.items():
        if kind not in KINDS:
            meant = get_close_matches(kind, KINDS, n=1)
            hint = f"; did you mean {meant[0]!r}?" if meant else f"; known are {', '.join(KINDS)}"
            found = lines.get(kind, [{}])[0]
            problems.append(Problem(path, "", kind, f"unknown kind of document{hint}", found.get("")))
            continue
        if not isinstance(entries, list):
            problems.append(Problem(path, "", kind, f"write documents as [[{kind}]]"))
            continue
        places = lines.get(kind, [])
        for ordinal, entry in enumerate(entries):
            place = places[ordinal] if len(places) == len(entries) else {}
            document, found_problems = _document(path, DocumentKind(kind), ordinal, entry, place)
            documents += [document] if document is not None else []
            problems += found_problems
    return documents, problems


def parse_table(path: str, text: str) -> tuple[dict[str, JsonValue] | None, list[Problem]]:
    """A TOML text that holds no documents, as a table that a `TableReader` reads; None where its syntax is
    wrong."""
    tables, problems = _toml(path, text)
    if tables is None:
        return None, problems
    findings = Findings()
    value = _json_value(tables, "", findings, depth=0)
    assert isinstance(value, dict), "TOML is a table"
    return value, [Problem(path, "", name, message) for name, message in findings.items]


def _toml(path: str, text: str) -> tuple[dict[str, object] | None, list[Problem]]:
    try:
        return tomllib.loads(text, parse_float=JsonNumber), []
    except RecursionError:
        return None, [Problem(path, "", "", "is nested too deeply")]
    except ValueError as error:
        return None, [_syntax_problem(path, text, error)]


def in_force_from(document: Document, instant: Instant) -> Document:
    """The same document with another effective instant, and so with another digest."""
    table = json.loads(document.table, parse_int=JsonNumber, parse_float=JsonNumber)
    text = canonical_json({**table, "effective_from": format_instant(instant)})
    return replace(document, effective_from=instant, table=text, digest=document_digest(text))


_DECODER: Final = json.JSONDecoder(parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=JsonNumber)


def record_of(document: Document) -> Record | tuple[Problem, ...]:
    """The record that a document says, or everything that is wrong with it. The same for a fresh and a
    stored one."""
    record, wrong = read_record(document)
    return wrong or record


def read_record(document: Document) -> tuple[Record, tuple[Problem, ...]]:
    """The record with everything that is wrong with it; where something is, it is made up in part."""
    findings = Findings()
    table = _DECODER.decode(document.table)
    record, head = _read(document.kind, table, document.digest, findings)
    stated = (head.key, head.version, head.effective_from)
    if not findings.items and stated != (document.key, document.version, document.effective_from):
        findings.add("", f"the stored text is of {head.key} v{head.version}")
    if not findings.items and document_digest(document.table) != document.digest:
        findings.add("", "the stored text does not have the stored digest")
    return record, tuple(document.problem(name, message) for name, message in findings.items)


def _read(
    kind: DocumentKind, table: Mapping[str, JsonValue], digest: str, findings: Findings
) -> tuple[Record, Head]:
    reader = TableReader(table, findings)
    head = HEADS.get(kind, read_head)(reader, digest)
    record = READERS[kind](reader, head)
    reader.finish()
    return record, head


def _document(
    path: str, kind: DocumentKind, ordinal: int, entry: object, lines: Lines
) -> tuple[Document | None, list[Problem]]:
    """The document, or None with all its problems where its head or a value's notation makes it
    unreadable."""
    findings = Findings()
    value = _json_value(entry, "", findings, depth=0)
    name = f"{kind} #{ordinal + 1}"
    if not isinstance(value, dict):
        return None, [Problem(path, name, "", f"write documents as [[{kind}]] tables", lines.get(""))]
    table = canonical_json(value)
    digest = document_digest(table)
    head = HEADS.get(kind, read_head)(TableReader(value, findings), digest)
    if not findings.items:
        where = (path, lines.get(""))
        return Document(kind, head.key, head.version, head.effective_from, *where, table, digest, lines), []
    _read(kind, value, digest, findings)
    name = f"{kind} {head.key}" if head.key else name
    return None, [
        Problem(path, name, member, message, line_of(lines, member)) for member, message in findings.items
    ]


def _json_value(value: object, name: str, findings: Findings, *, depth: int) -> JsonValue:
    """TOML's values as JSON's. Date-times become UTC text; numbers with a point and times without a zone are
    noted."""
    if depth > NESTING_MAX:
        findings.add(name, f"is nested deeper than {NESTING_MAX}")
        return None
    match value:
        case bool() | str():
            return value
        case int():
            if abs(value) > INTEGER_MAX:
                findings.add(name, f"is an integer of more than {INTEGER_DIGITS_MAX} digits")
                return JsonNumber("0")
            return JsonNumber(str(value))
        case JsonNumber():
            findings.add(name, f'write the decimal as a string: "{value.text}"')
            return value
        case datetime():
            if value.tzinfo is None:
                findings.add(name, f"{value.isoformat()} has no offset; write Z or +hh:mm")
                return f"{value.isoformat()}Z"
            return _utc_text(value, name, findings)
        case date():
            return value.isoformat()
        case time():
            findings.add(name, f"{value.isoformat()} is a time without a date")
            return value.isoformat()
        case list():
            items = cast("list[object]", value)
            return [
                _json_value(item, f"{name}[{place}]", findings, depth=depth + 1)
                for place, item in enumerate(items)
            ]
        case dict():
            members = cast("dict[str, object]", value)
            return {
                key: _json_value(item, f"{name}.{key}" if name else key, findings, depth=depth + 1)
                for key, item in members.items()
            }
        case _:
            raise AssertionError(f"tomllib gave a {type(value).__name__}")


def _utc_text(value: datetime, name: str, findings: Findings) -> str:
    try:
        return format_instant(parse_instant(value.isoformat()))
    except MalformedInstant as error:
        findings.add(name, str(error).removesuffix("."))
        return value.isoformat()


def _syntax_problem(path: str, text: str, error: ValueError) -> Problem:
    """tomllib's own words, with its line taken out of them."""
    message = str(error)
    found = AT_LINE_PATTERN.search(message)
    line = int(found.group(1)) if found else text.count("\n") + 1 if "end of document" in message else None
    return Problem(path, "", "", f"is not TOML: {AT_LINE_PATTERN.sub('', message).strip()}", line)
