"""One snapshot against its events: each event is what its digest says and counts by the meter; all of them
come to the quantity, the number and the fingerprint that were stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from typing import Any

from tieout.evidence.verify.aggregates import Span, atoms, quantity_of
from tieout.evidence.verify.events_file import BadFile, DisclosedEvent, events_of
from tieout.evidence.verify.pack import Members, Pack, Unreadable
from tieout.evidence.verify.report import Report
from tieout.kernel.canonical import canonical_event
from tieout.kernel.digest import Fingerprint, lanes
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.quantity import Quantity

TAGS = {"string": "s", "enum": "s", "integer": "n", "decimal": "n", "boolean": "b", "timestamp": "t"}
WITH_OPENING = "tieout/lineage/3"
NON_PRODUCTION = "environment"


@dataclass(frozen=True, slots=True)
class Usage:
    """A snapshot that was read; `groups` are the atoms of each group of the events, by the dimensions
    asked."""

    stated: Members
    meter: Members
    events: Sequence[DisclosedEvent]
    gone: Sequence[DisclosedEvent]
    opening: Sequence[DisclosedEvent]

    def atoms_of_group(self, group: Sequence[Sequence[str | None]]) -> int:
        """Of a count or a sum: the events whose fields have these texts."""
        name = self.meter.get("field")
        chosen = [
            event
            for event in self.events
            if all(event.fields.get(str(field)) == text for field, text in group)
        ]
        return quantity_of(self.meter["aggregation"], name, chosen, (), ())


def check_usage(pack: Pack, folder: str) -> Usage | None:
    """None where it could not be read; what is wrong is in the report."""
    report, file = pack.report, f"{folder}/events.csv"
    try:
        events = _events(pack, file)
        gone = _events(pack, f"{folder}/retracted.csv", optional=True)
        opening = _events(pack, f"{folder}/opening.csv", optional=True)
        stated = pack.json(f"{folder}/usage.json")
    except Unreadable:
        return None
    meter = pack.document("meter", stated["meter"], stated["meter_version"])
    if meter is None or pack.by_digest.get(stated["meter_digest"]) is not meter:
        report.add(
            f"{folder}/usage.json", "meter", f"a document with digest {stated['meter_digest']}", "none"
        )
        return None
    spans = [(str(subject), int(start), int(end)) for subject, start, end in stated["lineage"]["spans"]]
    for name, some in ((file, events), (f"{folder}/retracted.csv", gone), (f"{folder}/opening.csv", opening)):
        _check_content(pack, name, some, stated)
        _check_counts(pack, name, some, _Rules(meter, stated, spans, inside=some is not opening))
    _check_identities(pack, file, events, gone)
    _compare(pack, folder, stated, meter, (events, gone, opening), spans)
    return Usage(stated, meter, events, gone, opening)


def _events(pack: Pack, file: str, *, optional: bool = False) -> list[DisclosedEvent]:
    content = pack.members.get(file)
    if content is None:
        if optional:
            return []
        pack.report.add(file, "file", "there", "missing")
        raise Unreadable(file)
    try:
        return events_of(content)
    except BadFile as error:
        pack.report.add(file, "form", "a CSV file of events", str(error))
        raise Unreadable(file) from error


def _check_content(pack: Pack, file: str, events: Sequence[DisclosedEvent], stated: Members) -> None:
    """Each event's digest from what is disclosed of it, under the contract version that typed it."""
    kinds: dict[int, dict[str, str] | None] = {}
    erased = 0
    for event in events:
        version = event.contract_version
        if version not in kinds:
            kinds[version] = _kinds(pack, stated["event_type"], version)
            if kinds[version] is None:
                pack.report.add(file, "event contract", f"version {version} in documents/", "none")
        tags = kinds[version]
        if tags is None:
            continue
        said = event.content_digest if event.residue_digest is None else event.residue_digest
        erased += event.residue_digest is not None
        digest = _digest(event, tags)
        if digest != said:
            found = "undeclared fields" if digest is None else digest.hex()
            pack.report.add(file, f"content of event {event.place}", f"digest {said.hex()}", found)
    if erased:
        pack.report.not_derived.append(
            f"{file}: the digests of {erased:,} events of which personal data was erased; what remains "
            f"has the "
            "digest that was recorded at the erasure."
        )


def _kinds(pack: Pack, event_type: str, version: int) -> dict[str, str] | None:
    contract = pack.document("event", event_type, version)
    if contract is None:
        return None
    return {name: TAGS.get(field["type"], "") for name, field in contract.get("fields", {}).items()}


def _digest(event: DisclosedEvent, tags: Mapping[str, str]) -> bytes | None:
    try:
        fields = {name: tags[name] + text for name, text in event.fields.items()}
    except KeyError:
        return None
    content = canonical_event(event.type, event.subject, event.time, fields, event.extras)
    return sha256(event.identity_key + content).digest()


@dataclass(frozen=True, slots=True)
class _Rules:
    """By which an event counts: the meter, and (for those that do not only open a span) the spans."""

    meter: Members
    stated: Members
    spans: Sequence[Span]
    inside: bool

    def why_not(self, event: DisclosedEvent) -> str | None:
        """None where it counts."""
        meter = self.meter
        if event.type != meter["event"] or event.type != self.stated["event_type"]:
            return f"it is a {event.type}"
        if event.batch > self.stated["watermark"]:
            return "it came after the cutoff"
        held = [start <= event.time < end for subject, start, end in self.spans if subject == event.subject]
        if self.inside and not any(held):
            return f"it is outside the spans of {event.subject}"
        if not _holds(meter.get("filter", {}), event):
            return "the meter's filter does not choose it"
        if not meter.get("include_non_production", False) and event.fields.get(
            NON_PRODUCTION, "production"
        ) != ("production"):
            return "it is of a non-production environment"
        for exclusion in meter.get("exclude", ()):
            if _holds(exclusion["where"], event):
                return f"the meter excludes it: {exclusion['reason']}"
        asked = (self.stated["breakdown"] or {}).get("amount_field")
        for name in (meter.get("field"), asked):
            if name is not None and name not in event.fields:
                return f"it has no {name}"
        return None


def _holds(where: Mapping[str, Any], event: DisclosedEvent) -> bool:
    envelope = {"subject": event.subject, "source": event.source}
    return all(envelope.get(name, event.fields.get(name)) in values for name, values in where.items())


def _check_counts(pack: Pack, file: str, events: Sequence[DisclosedEvent], rules: _Rules) -> None:
    before = (-1, -1)
    for event in events:
        why = rules.why_not(event)
        if why is not None:
            pack.report.add(file, f"event {event.place}", "one that the meter counts", why)
        if (event.batch, event.row) <= before:
            pack.report.add(file, f"event {event.place}", "after the one before it", "before it, or twice")
        before = (event.batch, event.row)


def _check_identities(
    pack: Pack, file: str, events: Sequence[DisclosedEvent], gone: Sequence[DisclosedEvent]
) -> None:
    """An identity counts once, and one that was taken back not at all."""
    seen: set[tuple[str, str]] = set()
    keys: set[bytes] = set()
    back = {(event.source, event.id) for event in gone}
    for event in events:
        identity = (event.source, event.id)
        if identity in seen or event.identity_key in keys:
            pack.report.add(
                file, f"identity of event {event.place}", "one of its own", "that of another event"
            )
        if identity in back:
            pack.report.add(file, f"event {event.place}", "not retracted", "retracted")
        seen.add(identity)
        keys.add(event.identity_key)


def _compare(
    pack: Pack,
    folder: str,
    stated: Members,
    meter: Members,
    found: tuple[Sequence[DisclosedEvent], Sequence[DisclosedEvent], Sequence[DisclosedEvent]],
    spans: Sequence[Span],
) -> None:
    events, gone, opening = found
    file, report = f"{folder}/usage.json", pack.report
    try:
        quantity = quantity_of(meter["aggregation"], meter.get("field"), events, opening, spans)
    except (ValueError, KeyError, TieoutError) as error:
        report.add(file, "quantity", "one that can be counted", str(error))
        return
    a = b = 0
    for event in events:
        one, other = lanes(event.content_digest)
        a, b = a + one, b + other
    fingerprint = Fingerprint(len(events), a % 2**64, b % 2**64)
    stated_opening = {each["position"] for each in stated["opening"] or ()}
    report.compare(
        file,
        [
            ("quantity", str(Quantity(quantity)), stated["quantity"]),
            ("event count", len(events), stated["event_count"]),
            ("fingerprint", str(fingerprint), stated["fingerprint"]),
            ("retracted count", len(gone), stated["retracted_count"]),
            ("unit", meter["unit"], stated["unit"]),
            ("opening events", sorted(stated_opening), sorted({event.place for event in opening})),
            ("id", folder.rpartition("/")[2], stated["id"]),
            ("event type", meter["event"], stated["event_type"]),
            ("opening states", _opening_of(meter, opening), _opening_told(stated)),
            *_lineage_facts(stated, meter, spans),
            *_group_facts(stated, meter, events),
        ],
    )
    _tell_spans(report, folder, stated, spans)
    report.checked.append(
        f"{folder}: {len(events):,} events counted again to {Quantity(quantity)} {stated['unit']}."
    )
    if stated["excluded_count"]:
        report.not_derived.append(
            f"{folder}: {stated['excluded_count']:,} events that the meter excludes are counted, not "
            f"disclosed."
        )


def _opening_of(meter: Members, opening: Sequence[DisclosedEvent]) -> list[tuple[object, ...]]:
    name = str(meter.get("field"))
    return sorted(
        (event.place, event.subject, format_instant(event.time), str(Quantity.parse(event.fields[name])))
        for event in opening
    )


def _opening_told(stated: Members) -> list[tuple[object, ...]]:
    """Each event once, though it can open several spans."""
    names = ("position", "subject", "stated_at", "level")
    return sorted({tuple(each[name] for name in names) for each in stated["opening"] or ()})


def _lineage_facts(
    stated: Members, meter: Members, spans: Sequence[Span]
) -> list[tuple[str, object, object]]:
    """The spans lie in the period, sorted, none over another; levels are opened where they count."""
    start, end = (parse_instant(stated["period"][name]) for name in ("start", "end"))
    inside = [[*span] for span in spans if start <= span[1] < span[2] <= end]
    over = [pair for pair in pairwise(spans) if pair[0][0] == pair[1][0] and pair[0][2] > pair[1][1]]
    starts = {(subject, format_instant(Instant(since))) for subject, since, _ in spans}
    opened = {(each["subject"], each["start"]) for each in stated["opening"] or ()}
    weighted = meter["aggregation"] == "time_weighted"
    return [
        ("spans", sorted(inside), stated["lineage"]["spans"]),
        ("spans over one another", [], over),
        ("spans that are opened", sorted(opened & starts), sorted(opened)),
        ("form of the lineage", weighted, stated["lineage"]["format"] == WITH_OPENING),
    ]


def _tell_spans(report: Report, folder: str, stated: Members, spans: Sequence[Span]) -> None:
    start, end = (parse_instant(stated["period"][name]) for name in ("start", "end"))
    part = sorted({subject for subject, since, until in spans if (since, until) != (start, end)})
    if part:
        report.not_derived.append(
            f"{folder}: that {len(part):,} of its subjects were the customer's for a part of the period only."
        )


def _group_facts(
    stated: Members, meter: Members, events: Sequence[DisclosedEvent]
) -> list[tuple[str, object, object]]:
    """Quantity, number and amount of each group, as finely as the snapshot knows them."""
    breakdown = stated["breakdown"]
    if breakdown is None:
        return [("groups", None, stated["groups"])]
    name, amount = meter.get("field"), breakdown["amount_field"]
    found: dict[tuple[object, ...], list[int]] = {}
    for event in events:
        value = 10**12 if name is None else atoms(event.fields[name])
        beside = 0 if amount is None else atoms(event.fields[amount])
        key: tuple[object, ...] = tuple(event.fields.get(each) for each in breakdown["dimensions"])
        if breakdown["by_value"]:
            key = (*key, value, beside)
        sums = found.setdefault(key, [0, 0, 0])
        sums[0], sums[1], sums[2] = sums[0] + 1, sums[1] + value, sums[2] + beside
    told: dict[tuple[object, ...], list[int]] = {}
    for group in stated["groups"] or ():
        key = tuple(group["values"])
        if breakdown["by_value"]:
            key = (*key, atoms(group["value"]), atoms(group["each_amount"] or "0"))
        told[key] = [group["event_count"], atoms(group["quantity"]), atoms(group["amount"] or "0")]
    return [("groups", sorted(map(str, found.items())), sorted(map(str, told.items())))]


def converted(quantity: Fraction, conversion: Members | None) -> Fraction:
    """In the unit that prices are for, before it is rounded."""
    return quantity if conversion is None else quantity / Fraction(conversion["divide_by"])
