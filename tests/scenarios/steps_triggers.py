"""Rules: `look = [{ rule, threshold, kind, ordinal, value, batch }]` is one look and what it records, of
`harbor` unless a `customer` is named, with the `start` of its period where that is told;
`answers = [{ customer, outcome, number }]` what the invoice rules answer to what was asked;
`held = [{ customer, until }]` who is held then.

`decide = { rule, decision, by, reason }` decides the open review that the rule asked for, `release =
{ customer, by, reason }` ends the hold that stands. At the end `[[notices]]` tells how many of a `kind` were
recorded; of kinds that start with "alert.", "charge." or "customer.", no others may be.
"""

from __future__ import annotations

from collections import Counter

from tests.scenarios.frame import Playing, Told, Verb
from tieout.flows.answer_interims import answer_interims
from tieout.flows.invoices import show_invoice
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.triggers import (
    ReviewDecision,
    decide_review,
    list_holds,
    list_reviews,
    release_hold,
    rule_changes,
)
from tieout.kernel.instant import format_instant
from tieout.kernel.rational import exact_text
from tieout.trigger.crossing import RuleKind

OF_RULES = ("alert.", "charge.", "customer.")


def look(playing: Playing, step: Told) -> None:
    home = playing.stage.home
    found = [change for report in look_to_head(home) for change in report.changes]
    assert len(found) == len(step["look"]), found
    assert [
        {
            "rule": each.rule.key,
            "customer": each.scope.customer,
            "threshold": exact_text(each.threshold),
            "kind": each.kind.value,
            "ordinal": each.ordinal,
            "value": exact_text(each.reading.value),
            "batch": int(each.reading.watermark),
            **({"start": format_instant(each.scope.period.start)} if "start" in told else {}),
        }
        for each, told in zip(found, step["look"], strict=True)
    ] == [{"customer": "harbor", **told} for told in step["look"]]
    for each in found:
        known = home.books.triggers.changes_of(None)
        if each.rule.kind is not RuleKind.OWN_ALERT:
            known = rule_changes(home, each.rule.key)[1]
        recorded = [one.change.id for one in known]
        assert recorded.count(each.id) == 1


def answers(playing: Playing, step: Told) -> None:
    home = playing.stage.home
    found = [
        {
            "customer": each.request.asked.customer,
            "outcome": each.outcome,
            **({} if each.invoice is None else {"number": show_invoice(home, each.invoice).number}),
        }
        for each in answer_interims(home)
    ]
    assert found == step["answers"]
    assert home.books.triggers.interim_requests(open_only=True) == ()


def held(playing: Playing, step: Told) -> None:
    found = [
        {"customer": each.customer} | ({} if each.until is None else {"until": format_instant(each.until)})
        for each in list_holds(playing.stage.home)
    ]
    assert found == step["held"]


def decide(playing: Playing, step: Told) -> None:
    home, told = playing.stage.home, step["decide"]
    asked_for = {each.change.id for each in rule_changes(home, told["rule"])[1]}
    (open_,) = [each for each in list_reviews(home) if each.change in asked_for]
    decision = ReviewDecision(told["decision"])
    decide_review(home, open_.id, decision, person=told["by"], reason=told["reason"])


def release(playing: Playing, step: Told) -> None:
    home, told = playing.stage.home, step["release"]
    (standing,) = list_holds(home, told["customer"])
    released = release_hold(home, standing.id, person=told["by"], reason=told["reason"])
    assert released.released is not None


def check_notices(playing: Playing, told: list[Told]) -> None:
    recorded = playing.stage.home.books.notices.unrouted(10_000)
    found = Counter(each.notice.kind for each in recorded if each.notice.kind.startswith(OF_RULES))
    assert dict(found) == {each["kind"]: each["count"] for each in told}


STEPS = {
    "look": Verb(look),
    "answers": Verb(answers),
    "held": Verb(held),
    "decide": Verb(decide),
    "release": Verb(release),
}
ENDS = {"notices": check_notices}
