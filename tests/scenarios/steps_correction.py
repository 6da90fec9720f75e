"""What was sealed and holds no more: `correct` has one person preview a correction and another approve it;
`retract` takes back an event; `void` an invoice; `credit` an amount of one of its lines,
by its place, as `kind` (goodwill, billing-error).

`[step.correct]` has `by`, `approved_by` and `reason`; `catalog` is a file with price versions that supersede
wrong ones, `customers` whom it is about (all), `periods` how many periods the report names (0: there is
nothing to correct, and nothing to approve).
"""

from __future__ import annotations

from tests.scenarios.frame import Playing, Told, Verb
from tieout.flows.correct import approve, preview
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.void_invoice import void_invoice
from tieout.kernel.ids import CustomerId


def correct(playing: Playing, step: Told) -> None:
    told, home = step["correct"], playing.stage.home
    report = preview(
        home,
        person=told["by"],
        reason=told["reason"],
        customers=tuple(CustomerId(key) for key in told["customers"]) if "customers" in told else None,
        catalog_folder=playing.story / told["catalog"] if "catalog" in told else None,
    )
    assert report.stopped == ()
    assert len(report.periods) == told["periods"]
    if told["periods"]:
        assert report.digest is not None
        approve(home, report.digest, person=told["approved_by"], reason=told["reason"])


def retract(playing: Playing, step: Told) -> None:
    told = step["retract"]
    decision = Decision(told["reason"], told["by"], told.get("approved_by"))
    retract_event(playing.stage.home, source=told["source"], event_id=told["id"], decision=decision)


def credit(playing: Playing, step: Told) -> None:
    told = step["credit"]
    done = credit_invoice(
        playing.stage.home,
        told["invoice"],
        line=told["line"],
        amount=told.get("amount"),
        kind=told["kind"],
        person=told["by"],
        reason=told["reason"],
        approved_by=told["approved_by"],
        to=told.get("to", "balance"),
    )
    found = {name: getattr(done, name).decimal_text for name in ("tax", "applied", "rest")}
    assert found == {name: told[name] for name in found}


def void(playing: Playing, step: Told) -> None:
    told = step["void"]
    void_invoice(
        playing.stage.home,
        told["invoice"],
        person=told["by"],
        reason=told["reason"],
        approved_by=told["approved_by"],
    )


STEPS = {
    "correct": Verb(correct),
    "retract": Verb(retract),
    "credit": Verb(credit),
    "void": Verb(void),
}
