"""The report of a run: a page for people (Markdown), and the same for machines (canonical JSON)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.instant import format_instant
from tieout.kernel.rational import Exact, exact_text
from tieout.replay.compare import Difference
from tieout.replay.gate import COVERED
from tieout.replay.ran import ReplayRun
from tieout.replay.stated import Key

REPORT_FORMAT: Final = "tieout/replay-report/1"
DIFFERENCES_ON_PAGE_MAX: Final = 1_000
"""The page lists so many; the JSON has all."""
SCRATCH: Final = (
    "Everything here happened in a scratch home: nothing was billed to anybody, and nothing is under a "
    "signed policy."
)


def face_lines(run: ReplayRun) -> list[str]:
    """What the set says of itself, and what of it is to be known before its result is believed."""
    face = run.face
    stated = [f"{each.file}: {each.what} by {each.by} ({each.origin})" for each in face.expected]
    found = [f"Set {face.name}, made by {face.made_by}; digest {run.result.set_digest}."]
    found += [f"Expected: {'; '.join(stated) or 'nothing'}."]
    if face.recording is not None:
        found.append(f"Recorded from {face.home} with tieout {face.recording.software}.")
    if run.changed:
        found.append(f"The candidate catalog changes {', '.join(run.changed)}.")
    if run.rehearsed:
        found.append(f"Signed in rehearsal, by keys of nobody: {', '.join(run.rehearsed)}.")
    found += [f"REPLACED, {each}." for each in run.result.replaced]
    if run.edited:
        found.append(f"EDITED since they were frozen or stated: {', '.join(run.edited)}.")
    return [*found, SCRATCH]


def verdict_lines(run: ReplayRun) -> list[str]:
    """How the comparison ended, and whether the set passes as a gate: two things."""
    result = run.result
    compared = "no difference" if result.compares else _counted(result.differences, "difference")
    failures = list(result.gate_failures)
    if not result.compares:
        failures = [f"{_counted(result.differences, 'difference')} from what is expected", *failures]
    gate = "passes" if result.passes_gate else f"FAILS: {'; '.join(failures)}"
    recorded = []
    if run.recorded is not None:
        same, lines = run.recorded
        recorded = [f"As the recorded home sealed them: {same:,} of {lines:,} lines."]
    return [
        *recorded,
        f"Comparison: {compared} in {_counted(run.lines, 'line')} of {_counted(len(run.digests), 'paper')}.",
        f"As a gate: {gate}.",
        f"Outcome digest: {result.outcome_digest}",
    ]


def cause_lines(run: ReplayRun) -> list[str]:
    """Each first cause, and how many differences it has; the most frequent first."""
    causes = Counter(f"{each.cause.kind}: {each.cause.text}" for each in run.differences)
    return [f"{_counted(count, 'difference')}, {cause}" for cause, count in causes.most_common()]


def markdown(run: ReplayRun) -> str:
    """One page."""
    lines = [f"# Replay of {_escaped(run.face.name)}", ""]
    lines += [f"- {_escaped(each)}" for each in (*face_lines(run), *verdict_lines(run))]
    lines += ["", "## Items", "", "| received | accepted | duplicate | conflict | quarantined |"]
    lines += ["|---:|---:|---:|---:|---:|"]
    names = ("received", "accepted", "duplicate", "conflict", "quarantined")
    lines += ["| " + " | ".join(str(run.counts[name]) for name in names) + " |"]
    lines += [f"- {_escaped(each)}" for each in run.misjudged]
    lines += ["", "## Coverage", "", "| what a gate needs | times |", "|---|---:|"]
    lines += [f"| {name.replace('_', ' ')} | {run.result.coverage[name]} |" for name in COVERED]
    for title, rows in _sections(run):
        if rows:
            lines += ["", f"## {title}", "", *rows]
    return "\n".join(lines) + "\n"


def _sections(run: ReplayRun) -> list[tuple[str, list[str]]]:
    refused = [f"- calls.jsonl:{each.line}, {each.kind}: {_escaped(each.why)}" for each in run.refused]
    waiting = [
        f"- {_escaped(customer)}, {start or 'no period'}: {_escaped(why)}"
        for (customer, start), why in sorted(run.waiting.items())
    ]
    causes = [f"- {_escaped(each)}" for each in cause_lines(run)]
    listed = run.differences[:DIFFERENCES_ON_PAGE_MAX]
    rows = [f"| {' | '.join(map(_escaped, cells(each)))} |" for each in listed]
    head = ["| stated | what | value | expected | found | difference | first cause |"]
    head += ["|---|---|---|---:|---:|---:|---|"]
    if len(run.differences) > len(listed):
        rows.append(f"\n{len(run.differences) - len(listed)} more are in the JSON.")
    return [
        ("Calls that were refused", refused),
        ("Not sealed", waiting),
        ("First causes", causes),
        ("Differences", [*head, *rows] if rows else []),
        ("Sealed papers", [f"- {_escaped(number)}: {sha}" for number, sha in sorted(run.digests.items())]),
    ]


def cells(each: Difference) -> list[str]:
    """Of one difference: where it is stated, of what, and both numbers."""
    place = each.file if each.line is None else f"{each.file}:{each.line}"
    apart = "" if each.expected is None or each.found is None else exact_text(each.found - each.expected)
    numbers = [_number(each.expected), _number(each.found), apart]
    return [place, key_text(each.key), each.value, *numbers, f"{each.cause.kind}: {each.cause.text}"]


def key_text(key: Key) -> str:
    """`acme, 2026-01-01T00:00:00Z, USD, calls`: blanks are left out."""
    return ", ".join(text for _, text in key if text) or "the whole set"


def report_json(run: ReplayRun) -> str:
    """Canonical JSON; decimals are strings."""
    result = run.result
    whole: dict[str, JsonValue] = {
        "format": REPORT_FORMAT,
        "set": run.face.name,
        "home": result.home,
        "set_digest": result.set_digest,
        "made_by": run.face.made_by,
        "expected": [
            {name: str(getattr(each, name)) for name in ("file", "what", "origin", "by", "sha256")}
            for each in run.face.expected
        ],
        "catalog_digest": result.catalog_digest,
        "terms_digest": result.terms_digest,
        "outcome_digest": result.outcome_digest,
        "candidate": result.candidate,
        "changed": list(run.changed),
        "rehearsed": list(run.rehearsed),
        "replaced": list(result.replaced),
        "declared": list(result.declared or ()),
        "edited": list(run.edited),
        "loose": list(run.loose),
        "compares": result.compares,
        "differences_count": _whole(result.differences),
        "passes_gate": result.passes_gate,
        "gate_failures": list(result.gate_failures),
        "coverage": {name: _whole(count) for name, count in result.coverage.items()},
        "counts": {name: _whole(count) for name, count in run.counts.items()},
        "lines": _whole(run.lines),
        "as_recorded": None
        if run.recorded is None
        else {"same": _whole(run.recorded[0]), "lines": _whole(run.recorded[1])},
        "misjudged": list(run.misjudged),
        "refused": [
            {"line": _whole(each.line), "call": each.kind.value, "why": each.why} for each in run.refused
        ],
        "waiting": [
            {"customer": customer, "period_start": start, "why": why}
            for (customer, start), why in sorted(run.waiting.items())
        ],
        "differences": [_difference(each) for each in run.differences],
        "papers": dict(run.digests),
        "ran_at": format_instant(result.ran_at),
        "software": result.software,
    }
    return canonical_json(whole) + "\n"


def _difference(each: Difference) -> JsonValue:
    return {
        "what": each.what.value,
        "file": each.file,
        "line": None if each.line is None else _whole(each.line),
        "key": dict(each.key),
        "value": each.value,
        "expected": None if each.expected is None else exact_text(each.expected),
        "found": None if each.found is None else exact_text(each.found),
        "cause": {"layer": each.cause.kind.value, "text": each.cause.text},
    }


def _number(value: Exact | None) -> str:
    return "not there" if value is None else exact_text(value)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _whole(number: int) -> JsonNumber:
    return JsonNumber(str(number))


def _escaped(text: str) -> str:
    """As plain text in Markdown: a stranger's names mark nothing up."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(text.split()))
