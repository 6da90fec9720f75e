"""No historical total is changed by a backfill without an approved delta report: neither on paper, nor as the
log stands now."""

from __future__ import annotations

from tieout.evidence.stored_corrections import StoredReport
from tieout.kernel.person import is_same_person
from tieout.readiness.facts import Facts
from tieout.readiness.item import Checked, Fact, Problem, passed_or_open

BY_POLICY = "approved in advance by the signed policy"
PREVIEW = "tieout correction preview, have another person approve the report, and close"


def check_backfill(facts: Facts) -> Checked:
    found = facts.backfill
    assert found is not None, "read where the item is asked for"
    evidence = (
        Fact("approved by", found.rule),
        Fact("changed on papers", f"{len(found.billed)} periods", signed=False),
        *(
            Fact(f"{each.account} {each.period}", f"{each.paper}: {each.approval}", signed=False)
            for each in found.waiting
            if each.problem is None
        ),
    )
    problems = tuple(
        Problem(f"{each.account} {each.period} ({each.paper}): {each.problem}", PREVIEW)
        for each in (*found.billed, *found.waiting)
        if each.problem is not None
    )
    return passed_or_open(evidence, problems)


def approval_of(
    digest: str, report: StoredReport | None, *, digest_now: str, in_advance: bool
) -> tuple[str, str | None]:
    """How a correction that was billed is approved, and what speaks against it. `digest`: of the delta report
    that it names, empty where it names none; `report` of that digest, whose text has `digest_now`;
    `in_advance`: whether the policy of its period approves so."""
    if not digest:
        if in_advance:
            return BY_POLICY, None
        return "", "it changed without a delta report, and its policy does not approve in advance"
    if report is None:
        return "", f"the delta report {digest[:16]} that it names is not here"
    if digest_now != report.digest:
        return "", f"the delta report {report.digest[:16]} is not what was approved"
    others = [each.person for each in report.approvals if not is_same_person(each.person, report.person)]
    if not others:
        return "", f"nobody but {report.person} approved the delta report {report.digest[:16]}"
    return f"report {report.digest[:16]}, approved by {others[0]}", None
