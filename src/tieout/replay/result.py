"""The result of one run of a replay set, as a small text that the books of a home keep (`tieout readiness`).

It says whose calls were run and with which terms, and two things that it never mixes: how the comparison
ended, and whether the set passes as a gate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import HomeId
from tieout.kernel.instant import Instant, MalformedInstant, format_instant, parse_instant

RESULT_FORMAT: Final = "tieout/replay-result/3"
FORMAT_BEFORE: Final = "tieout/replay-result/2"
"""Without what was declared in the set; homes keep such results."""


class MalformedResult(IntegrityViolation):
    """The text is no result of a replay, or was changed after it was written."""

    code = "malformed-replay-result"

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where} is not as it was kept: {why}. Bring the books back from a backup.")
        self.why = why


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """`home`: whose calls they are, as the set's face says; None where it names none. `set_digest`: over all
    files of the set. `catalog_digest`: over the digests of every document that was applied, `terms_digest`:
    of those that set what usage costs; `candidate`: whether some came from a candidate. `outcome_digest`:
    over counts, quantities, amounts and sealed documents: the same for each run of the same set, catalog and
    software (L20). `coverage`: how often each thing happened that a gate needs. `gate_failures` are reasons
    for a person, besides differences; none where the gate passes. `declared`: the digests of all statements
    of what is expected so far, None of a result from before they were kept; `replaced`: those of somebody
    outside that another one took the place of, in words."""

    set_name: str
    home: HomeId | None
    set_digest: str
    catalog_digest: str
    terms_digest: str
    outcome_digest: str
    candidate: bool
    differences: int
    gate_failures: tuple[str, ...]
    coverage: Mapping[str, int]
    ran_at: Instant
    software: str
    declared: tuple[str, ...] | None = None
    replaced: tuple[str, ...] = ()

    @property
    def compares(self) -> bool:
        return not self.differences

    @property
    def passes_gate(self) -> bool:
        return self.compares and not self.gate_failures


def result_text(result: ReplayResult) -> str:
    """One JSON object, with a digest over all the rest."""
    members = _members(result)
    digest = sha256(canonical_json(members).encode()).hexdigest()
    return canonical_json({**members, "sha256": digest}) + "\n"


def parse_result(text: str, where: str) -> ReplayResult:
    """Raises `MalformedResult`, also where the text is not as it was written."""
    try:
        read = json.loads(text)
        result = ReplayResult(
            set_name=_text(read["set"]),
            home=None if read["home"] is None else HomeId(_text(read["home"])),
            set_digest=_text(read["set_digest"]),
            catalog_digest=_text(read["catalog_digest"]),
            terms_digest=_text(read["terms_digest"]),
            outcome_digest=_text(read["outcome_digest"]),
            candidate=read["candidate"] is True,
            differences=int(read["differences"]),
            gate_failures=tuple(_text(each) for each in read["gate_failures"]),
            coverage={_text(name): int(count) for name, count in read["coverage"].items()},
            ran_at=parse_instant(_text(read["ran_at"])),
            software=_text(read["software"]),
            declared=tuple(map(_text, read["declared"])) if "declared" in read else None,
            replaced=tuple(map(_text, read.get("replaced", ()))),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MalformedInstant) as error:
        raise MalformedResult(where, f"it cannot be read ({error})") from None
    if result_text(result) != text:
        raise MalformedResult(where, "it is not as it was written")
    return result


def _members(result: ReplayResult) -> dict[str, JsonValue]:
    since: dict[str, JsonValue] = {}
    if result.declared is not None:
        since = {"declared": list(result.declared), "replaced": list(result.replaced)}
    return {
        **since,
        "format": FORMAT_BEFORE if result.declared is None else RESULT_FORMAT,
        "set": result.set_name,
        "home": result.home,
        "set_digest": result.set_digest,
        "catalog_digest": result.catalog_digest,
        "terms_digest": result.terms_digest,
        "outcome_digest": result.outcome_digest,
        "candidate": result.candidate,
        "compares": result.compares,
        "differences": JsonNumber(str(result.differences)),
        "passes_gate": result.passes_gate,
        "gate_failures": list(result.gate_failures),
        "coverage": {name: JsonNumber(str(count)) for name, count in result.coverage.items()},
        "ran_at": format_instant(result.ran_at),
        "software": result.software,
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
