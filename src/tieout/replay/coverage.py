"""How often each thing happened in a run that a gate set must include."""

from __future__ import annotations

from collections.abc import Sequence

from tieout.replay.found import FoundLine

INTERIM = "interim"


def coverage(
    *, repeated: int, conflicts: int, late: int, crossings: int, lines: Sequence[FoundLine]
) -> dict[str, int]:
    """By the names of `gate.COVERED`. `repeated`: duplicates, and requests answered from their receipts. A
    threshold is one of a rule, or one that had an interim invoice made."""
    interims = {line.keys["customer"] + line.keys["period_start"] for line in lines if _is_interim(line)}
    return {
        "retries": repeated,
        "late_arrivals": late,
        "plan_changes": _plan_changes(lines),
        "thresholds": crossings + len(interims),
        "conflicts": conflicts,
    }


def _plan_changes(lines: Sequence[FoundLine]) -> int:
    """Subscriptions that were billed by more than one plan, or version of one."""
    plans: dict[str, set[str]] = {}
    for line in lines:
        if "plan" in line.rests_on:
            plans.setdefault(line.keys["subscription"], set()).add(line.rests_on["plan"])
    return sum(len(each) > 1 for each in plans.values())


def _is_interim(line: FoundLine) -> bool:
    return line.keys["kind"] == INTERIM
