"""[[policy]]: key, version, effective_from, predecessor_digest, cadence, anchor, anchor_day, grace_hours,
review_hours, late_path, late_approval, requires, hold_on, proposer, small_team_exception;
[policy.off_cycle]."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TypeVar

from tieout.contract.policy import Anchoring, HoldOn, LateApproval, LatePath, Policy, Requirement
from tieout.contract.reading.cadence import read_cadence
from tieout.contract.reading.head import Head
from tieout.contract.reading.off_cycle import read_off_cycle
from tieout.contract.reading.table import TableReader
from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import PolicyKey

DIGEST_PATTERN = re.compile(r"[0-9a-f]{64}\Z")
GRACE_HOURS_MAX = 24 * 92
REVIEW_HOURS_MAX = 24 * 92
MONTH_DAYS_MAX = 31
Choice = TypeVar("Choice", bound=StrEnum)


def read_policy(reader: TableReader, head: Head) -> Policy:
    """Grace and review are at most a quarter of a year each; a predecessor is named by its 64 hex digits.

    What a policy does not say is as it was before policies could say it: periods of the calendar, no review,
    corrections on the next invoice once a person approves them, nobody billed inside a period,
    nothing required beside the ties, and usage on no invoice noted.
    """
    predecessor = reader.optional_text("predecessor_digest")
    if predecessor and DIGEST_PATTERN.match(predecessor) is None:
        reader.problem("predecessor_digest", "must be 64 lower-case hex digits")
    cadence = read_cadence(reader, "cadence")
    anchoring, anchor_day = _anchor(reader, cadence)
    review_hours = reader.integer("review_hours", minimum=0, maximum=REVIEW_HOURS_MAX, default=0)
    return Policy(
        key=PolicyKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        predecessor_digest=predecessor,
        cadence=cadence,
        grace_hours=reader.integer("grace_hours", minimum=0, maximum=GRACE_HOURS_MAX),
        proposer=reader.text("proposer"),
        small_team_exception=reader.optional_text("small_team_exception"),
        digest=head.digest,
        review_hours=review_hours,
        late_path=reader.choice("late_path", LatePath, default=LatePath.NEXT_INVOICE),
        late_approval=reader.choice("late_approval", LateApproval, default=LateApproval.DELTA_REPORT),
        off_cycle=read_off_cycle(reader),
        requires=_requires(reader, review_hours),
        anchoring=anchoring,
        anchor_day=anchor_day,
        hold_on=_choices(reader, "hold_on", HoldOn),
    )


def _anchor(reader: TableReader, cadence: Cadence) -> tuple[Anchoring, int]:
    anchoring = reader.choice("anchor", Anchoring, default=Anchoring.CALENDAR)
    if not reader.has("anchor_day"):
        return anchoring, 1
    day = reader.integer("anchor_day", minimum=1, maximum=MONTH_DAYS_MAX)
    if anchoring is Anchoring.ANNIVERSARY:
        reader.problem(
            "anchor_day", "has no use: an anniversary is counted from the subscription's first day"
        )
    elif cadence.days:
        reader.problem("anchor_day", f"has no use: it is a day of the month, and periods are {cadence.value}")
    return anchoring, day


def _requires(reader: TableReader, review_hours: int) -> frozenset[Requirement]:
    found = _choices(reader, "requires", Requirement)
    if Requirement.APPROVED_DRAFT in found and review_hours == 0:
        reader.problem(
            "review_hours", "must be above 0: without a review no draft waits that anybody could approve"
        )
    return found


def _choices(reader: TableReader, name: str, kind: type[Choice]) -> frozenset[Choice]:
    found = set()
    for place, text in enumerate(reader.texts(name)):
        if not text.strip():
            continue  # told by the reader
        try:
            found.add(kind(text))
        except ValueError:
            known = ", ".join(each.value for each in kind)
            reader.problem(f"{name}[{place}]", f"{text!r} is not one of {known}")
    return frozenset(found)
