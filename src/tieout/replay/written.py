"""What a home holds, written back as it could have come: documents as TOML, events as lines of JSON, and
found numbers as a file of expectations.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from tieout.contract.document import Document, parse_documents
from tieout.contract.event_contract import EventContract, FieldType
from tieout.ingest.event import Event, Value
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.rational import Exact, exact_text
from tieout.replay.face import What, toml_text
from tieout.replay.found import FoundLine, FoundTotal
from tieout.replay.stated import KEYS, VALUES

RECORDED_COLUMNS = tuple(name for name in KEYS[What.LINES] if name not in ("unit", "description"))


class NotWrittenBack(IntegrityViolation):
    """A stored document, written as TOML, is not the same document."""

    code = "not-written-back"

    def __init__(self, document: Document) -> None:
        super().__init__(f"{document.name} cannot be written as TOML with the digest {document.digest}.")


def documents_toml(documents: Sequence[Document]) -> str:
    """Documents that read back with the same digests. Raises `NotWrittenBack`."""
    text = "\n".join(f"[[{each.kind.value}]]\n{_members(json.loads(each.table))}" for each in documents)
    read, _ = parse_documents("", text)
    digests = {each.name: each.digest for each in read}
    for each in documents:
        if digests.get(each.name) != each.digest:
            raise NotWrittenBack(each)
    return text


def _members(table: Mapping[str, object]) -> str:
    return "".join(f"{toml_text(name)} = {_value(value)}\n" for name, value in table.items())


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return toml_text(value)
        case list():
            return "[" + ", ".join(_value(each) for each in value) + "]"
        case dict():
            members = (f"{toml_text(name)} = {_value(each)}" for name, each in value.items())
            return "{ " + ", ".join(members) + " }"
        case _:
            raise TypeError(f"{value!r} has no place in a document")


def event_line(event: Event, contract: EventContract | None) -> bytes:
    """A CloudEvent that is typed to the same event, without a newline. `contract` None: of a built-in
    type."""
    times = set() if contract is None else {each.name for each in contract.fields if _is_time(each.type)}
    members = [
        f'"specversion":"1.0","source":{_json(event.source)},"id":{_json(event.id)}',
        f'"type":{_json(event.type)},"subject":{_json(event.subject)}',
        f'"time":{_json(format_instant(event.time))}',
    ]
    members += [event.attributes[1:-1]] if len(event.attributes) > len("{}") else []
    data = [f"{_json(name)}:{_field(value, name in times)}" for name, value in event.fields.items()]
    data += [event.extras[1:-1]] if len(event.extras) > len("{}") else []
    return ("{" + ",".join(members) + ',"data":{' + ",".join(data) + "}}").encode("utf-8", "surrogatepass")


def _is_time(type: FieldType) -> bool:
    return type is FieldType.TIMESTAMP


def _field(value: Value, is_time: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _json(value)
    return _json(format_instant(Instant(int(str(value))))) if is_time else str(value)


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def lines_csv(lines: Iterable[FoundLine]) -> str:
    """Of equal keys one row with their sum."""
    rows: dict[tuple[str, ...], list[Exact]] = {}
    for line in lines:
        key = tuple(line.keys[name] for name in RECORDED_COLUMNS)
        sums = rows.setdefault(key, [Exact(0), Exact(0)])
        sums[0] += line.quantity
        sums[1] += line.amount
    return _csv((*RECORDED_COLUMNS, "quantity", "amount"), rows)


def totals_csv(totals: Iterable[FoundTotal]) -> str:
    """One row for each paper."""
    keys, values = KEYS[What.TOTALS], VALUES[What.TOTALS]
    rows = {
        tuple(each.keys[name] for name in keys): [each.values[name] for name in values] for each in totals
    }
    return _csv((*keys, *values), rows)


def _csv(columns: Sequence[str], rows: Mapping[tuple[str, ...], Sequence[Exact]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for key, values in rows.items():
        writer.writerow([*key, *map(exact_text, values)])
    return out.getvalue()
