"""Whether a set proves enough to let a price change pass: what it must contain, and what it may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tieout.replay.call import Call, CallKind
from tieout.replay.face import Face, Origin, What

COVERED: Final[Mapping[str, str]] = {
    "retries": "nothing arrives twice",
    "late_arrivals": "nothing arrives after the close of its period",
    "plan_changes": "nobody changes to another plan, or version of one",
    "thresholds": "no threshold is crossed: neither a rule's nor one for interim billing",
    "conflicts": "no identity comes again with other content",
}
"""What a gate set must include at least once, and what is said where it does not."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a set holds, as far as a gate asks. `copied`: files that somebody stands for, and that say row by
    row what the recording wrote."""

    face: Face
    calls: Sequence[Call]
    edited: tuple[str, ...]
    loose: tuple[str, ...]
    copied: tuple[str, ...] = ()


def gate_failures(
    contents: Contents,
    coverage: Mapping[str, int],
    *,
    waivers: int,
    without_amount: int = 0,
    stopped: Sequence[str] = (),
) -> tuple[str, ...]:
    """Every reason why the set is no gate, even if nothing differs. `waivers`: on papers that it sealed;
    `without_amount`: lines on them of which nobody outside states what they come to. `stopped`: customers of
    whom a period was held or parked, so that nobody knows what it comes to."""
    return (
        *_expectations(contents, without_amount),
        *_inputs(contents, waivers),
        *_stopped(stopped),
        *_lacking(coverage),
    )


def _expectations(contents: Contents, without_amount: int) -> list[str]:
    face = contents.face
    stated = [each for each in face.expected if each.what is What.LINES]
    found = []
    if not any(each.origin is not Origin.RECORDED for each in stated):
        found.append("no invoice line is expected by anybody outside of the product")
    elif without_amount:
        found.append(f"{without_amount} lines are billed of which nobody outside states an amount")
    recorded = [each.file for each in face.expected if each.origin is Origin.RECORDED]
    if recorded:
        found.append(f"recorded from the product, so true by itself: {', '.join(recorded)}")
    if contents.copied:
        said = ", ".join(contents.copied)
        found.append(f"word for word what the product recorded, whoever stands for it: {said}")
    return found


def _inputs(contents: Contents, waivers: int) -> list[str]:
    found = []
    if contents.edited:
        found.append(f"edited since they were frozen or stated: {', '.join(contents.edited)}")
    if contents.loose:
        count = len(contents.loose)
        found.append(f"{count} files are not frozen, {contents.loose[0]} first (tieout replay freeze)")
    manual = [call.line for call in contents.calls if call.kind is CallKind.MANUAL_LINE]
    if manual:
        found.append(f"{len(manual)} manual lines, in calls.jsonl from line {manual[0]} on")
    if waivers:
        found.append(f"{waivers} waivers let differences pass")
    recording = contents.face.recording
    if recording is not None and recording.left_out:
        found.append(f"the recorded home also had {', '.join(recording.left_out)}")
    return found


def _stopped(customers: Sequence[str]) -> list[str]:
    if not customers:
        return []
    return [f"{len(customers)} accounts were held or parked in the end, {customers[0]} first"]


def _lacking(coverage: Mapping[str, int]) -> list[str]:
    return [why for name, why in COVERED.items() if not coverage.get(name)]
