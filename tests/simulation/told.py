"""What receivers got, held against what was to be told: each at least once, under one id, nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.receivers import Receiver
from tests.simulation.findings import HOLDS_BELOW, crossed_of
from tieout.kernel.rational import exact_text
from tieout.trigger.crossing import Change

NOTICE_ID = re.compile(r"\bnotice_[0-9a-f]{32}\b")


def of_hook(got: Receiver, wanted: Mapping[tuple[str, str], Change]) -> Iterator[str]:
    """Each notice alone: its id on the wire is its own."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in got.got():
        said = json.loads(each["body"])
        named, data = said["data"], said["data"]["data"]
        wire = each["headers"]["webhook-id"]
        if wire != named["id"]:
            yield f"{named['id']} was sent under {wire}"
        ids[named["kind"], data["change"]].add(wire)
        change = wanted.get((named["kind"], data["change"]))
        if change is not None and not _says(data, change):
            yield f"{named['id']} says {data}, and is {crossed_of(change)}"
    yield from _compared("hook", ids, wanted)


def of_mail(
    got: Receiver, wanted: Mapping[tuple[str, str], Change], names: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    """Digests of what controls did: `names` says which notice is which."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in got.got():
        found = NOTICE_ID.findall(each["text"])
        if not found:
            yield f"a mail names no notice: {each['text'][:200]}"
        for id in found:
            ids[names.get(id, ("?", id))].add(each["headers"]["message-id"])
    yield from _compared(
        "mail", ids, {name: each for name, each in wanted.items() if name[0].startswith("charge.")}
    )


def _says(data: dict[str, Any], change: Change) -> bool:
    """Programs are told the crossing as it is recorded."""
    return (
        data["rule"] == change.rule.key
        and data["customer"] == change.scope.customer
        and data["threshold"] == exact_text(change.threshold)
        and data["ordinal"] == change.ordinal
        and data["value"] == exact_text(change.reading.value)
        and data["watermark"] == change.reading.watermark
    )


def _compared(
    where: str, ids: Mapping[tuple[str, str], set[str]], wanted: Mapping[tuple[str, str], Change]
) -> Iterator[str]:
    yield from (f"{where}: {name} was never delivered" for name in wanted if name not in ids)
    yield from (f"{where}: {name} was told, and never happened" for name in ids if name not in wanted)
    yield from (f"{where}: {name} came under {len(each)} ids" for name, each in ids.items() if len(each) > 1)


def copies(got: Receiver) -> tuple[int, int]:
    """How many arrived, and how many of them under an id that had come before."""
    wires = Counter(each["headers"].get("webhook-id") or each["headers"]["message-id"] for each in got.got())
    return wires.total(), wires.total() - len(wires)


def lifted_only(changes: list[Change]) -> Iterator[str]:
    """In the next month nothing happens but that holds end whose figure is below again."""
    for each in changes:
        if each.rule.key != HOLDS_BELOW or each.kind.value != "rearmed" or each.reading.value != 0:
            yield f"after the month: {crossed_of(each)}"
