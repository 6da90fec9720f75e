"""Drafts in review, and lines by hand.

`draft = { customer, does, by, text }` speaks about the customer's open draft: `does` is note, object,
approve (the bytes that the latest revision has then), approve-delta or redraft. A redraft tells what it
`changes` of what was shown: `[{ line, quantity = [before, after], amount = [before, after], why = [...]
}]`, `total = [before, after]`, and whose approvals are `void`.

`line = { customer, amount, description, by, reason, within, approved_by }` adds a line to the billing
period that holds the instant `within`; `rejected_by` in place of `approved_by`, or neither.

[[draft]] at the end: `{ customer, start, revisions, said }`, `said` in order as `1 note by Fay: looks high`.
"""

from __future__ import annotations

from tests.scenarios.frame import Playing, Told, Verb
from tieout.flows.drafts import (
    DraftView,
    approve_delta,
    approve_draft,
    draft_history,
    list_drafts,
    note_draft,
    object_to_draft,
    redraft,
    show_draft,
)
from tieout.flows.manual_lines import LineOrder, add_line, decide_line
from tieout.kernel.instant import format_instant, parse_instant
from tieout.rate.manual_line import LineDecision


def play_draft(playing: Playing, step: Told) -> None:
    home, told = playing.stage.home, step["draft"]
    (row,) = [row for row in list_drafts(home) if row.draft.customer == told["customer"]]
    name, by, text = row.draft.invoice, told["by"], told["text"]
    match told["does"]:
        case "note":
            note_draft(home, name, person=by, text=text)
        case "object":
            object_to_draft(home, name, person=by, reason=text)
        case "approve":
            approve_draft(home, name, sha256=row.draft.sha256, person=by, reason=text)
        case "approve-delta":
            assert row.draft.delta is not None
            approve_delta(home, name, digest=row.draft.delta, person=by, reason=text)
        case "redraft":
            _, view = redraft(home, name, person=by, reason=text)
            assert view is not None
            _check_redraft(view, told)
        case other:
            raise AssertionError(f"nobody knows how to {other} a draft")


def _check_redraft(view: DraftView, told: Told) -> None:
    assert view.difference is not None
    lines = [
        {
            "line": each.description,
            "quantity": [each.quantity_before or "none", each.quantity_after or "none"],
            "amount": [each.amount_before or "none", each.amount_after or "none"],
            "why": list(each.why),
        }
        for each in view.difference.lines
    ]
    assert lines == told["changes"]
    totals = {each.name: [each.before, each.after] for each in view.difference.amounts}
    assert totals.get("total") == told.get("total")
    assert [entry.person for entry in view.void] == told.get("void", [])


def play_line(playing: Playing, step: Told) -> None:
    home, told = playing.stage.home, step["line"]
    within = parse_instant(told["within"])
    order = LineOrder(
        told["customer"], within, None, told["amount"], told["description"], told.get("tax_category")
    )
    line = add_line(home, order, person=told["by"], reason=told["reason"])
    for decision in LineDecision:
        if (by := told.get(f"{decision.value}_by")) is not None:
            decide_line(home, line.id, decision, person=by, reason=told["reason"])


def check_drafts(playing: Playing, told: list[Told]) -> None:
    home = playing.stage.home
    found = []
    for customer in sorted({each["customer"] for each in told}):
        for row in list_drafts(home, customer):
            view = show_draft(home, row.draft.invoice)
            found.append(
                {
                    "customer": customer,
                    "start": format_instant(row.draft.period.start),
                    "revisions": len(draft_history(home, row.draft.invoice)),
                    "said": [
                        f"{each.revision} {each.kind.value} by {each.person}: {each.text}"
                        for each in view.entries
                    ],
                }
            )
    assert found == told


STEPS = {"draft": Verb(play_draft), "line": Verb(play_line)}
ENDS = {"draft": check_drafts}
