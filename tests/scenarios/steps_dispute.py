"""Disputes: `[[step.dispute]]`, one after the other, by the word that `does` it.

- `owners`: `ops`, `engineering`, `finance`, one name each; it also makes the installation's key for packs.
- `open`: the `name` by which later steps call it, `invoice`, `line` (its place; left out: the whole invoice),
  `type`, `amount`, `reason`, `by`, and what must follow: `with_tax`, `owned_by` (role -> name), `respond_by`,
  `decide_by`.
- `message`: `by`, `text`. `examine`: `by`. `reopen`: `by`, `reason`.
- `isolate`: `by`, `reason`, and what must follow: `owned_by`, `update_by`.
- `release`: `by`, `agreed_by`, `defect`, `reason`.
- `decide`: `outcome`, `by`, `approved_by`, `reason`, `amount` or `lines` ({ place = amount }), `to`, and the
  `notes` that must follow, by number.

Each may say the `state` after it, or `refused`: the code of the refusal; then nothing changes.

`owed` beside them in a step: { invoice = [open, disputed, collectable] }, as it stands after the step.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scenarios.frame import Playing, Told, Verb
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.dispute import Dispute
from tieout.dispute.opening import DisputeOrder
from tieout.dispute.role import Role
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.flows.decide_dispute import decide_dispute
from tieout.flows.dispute_owners import name_owners
from tieout.flows.disputes import find_dispute
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.invoices import list_invoices
from tieout.flows.open_dispute import open_dispute
from tieout.flows.say_dispute import (
    isolate_dispute,
    message_customer,
    release_dispute,
    reopen_dispute,
)
from tieout.kernel.errors import Refusal
from tieout.kernel.instant import format_instant
from tieout.kernel.money import Money


def dispute(playing: Playing, step: Told) -> None:
    for told in step["dispute"]:
        if "refused" in told:
            with pytest.raises(Refusal) as refusal:
                DOES[told["does"]](playing, told)
            assert refusal.value.code == told["refused"], refusal.value
        else:
            DOES[told["does"]](playing, told)
        if "state" in told:
            assert _named(playing, told).state.value == told["state"]


def owed(playing: Playing, step: Told) -> None:
    rows = {each.number: each for each in list_invoices(playing.stage.home)}
    for number, told in step["owed"].items():
        row = rows[number]
        amounts = (row.open, row.disputed, row.collectable)
        assert [None if each is None else each.decimal_text for each in amounts] == told, number


def _owners(playing: Playing, told: Told) -> None:
    playing.stage.home.installation_key.create()
    persons = {role: [told[role.value]] for role in Role}
    name_owners(playing.stage.home, persons, {}, person="Ada", reason="the team")


def _open(playing: Playing, told: Told) -> None:
    home = playing.stage.home
    order = DisputeOrder(
        told["invoice"], told.get("line"), DisputeType(told["type"]), told["amount"], told["reason"]
    )
    found = open_dispute(home, order, person=told["by"]).dispute
    playing.kept[f"dispute {told['name']}"] = found.id
    assert found.pack is not None and home.kept_packs.read(found.pack.sha256) is not None
    said = {
        "with_tax": Money(found.claim.with_tax, found.claim.currency).decimal_text,
        "owned_by": {role.value: person for role, person in found.owners.items()},
        "respond_by": format_instant(found.deadlines.respond_by),
        "decide_by": format_instant(found.deadlines.decide_by),
    }
    assert said == {name: told[name] for name in said}


def _message(playing: Playing, told: Told) -> None:
    message_customer(playing.stage.home, _id(playing, told), person=told["by"], text=told["text"])


def _examine(playing: Playing, told: Told) -> None:
    examine_dispute(playing.stage.home, _id(playing, told), person=told["by"])


def _isolate(playing: Playing, told: Told) -> None:
    found = isolate_dispute(playing.stage.home, _id(playing, told), person=told["by"], reason=told["reason"])
    assert found.hold is not None
    assert {"engineering": found.hold.engineering, "ops": found.hold.ops} == told["owned_by"]
    assert format_instant(found.hold.update_by) == told["update_by"]


def _release(playing: Playing, told: Told) -> None:
    release_dispute(
        playing.stage.home,
        _id(playing, told),
        person=told["by"],
        agreed_by=told["agreed_by"],
        defect=told["defect"],
        reason=told["reason"],
    )


def _decide(playing: Playing, told: Told) -> None:
    order = DecisionOrder(
        Act(told["outcome"]),  # type: ignore[arg-type]
        told.get("amount"),
        [*told.get("lines", {}).items()],
        told.get("to", "balance"),
    )
    done = decide_dispute(
        playing.stage.home,
        _id(playing, told),
        order,
        person=told["by"],
        reason=told["reason"],
        approved_by=told.get("approved_by"),
    )
    assert [each.note.number for each in done.notes] == told["notes"]


def _reopen(playing: Playing, told: Told) -> None:
    reopen_dispute(playing.stage.home, _id(playing, told), person=told["by"], reason=told["reason"])


def _id(playing: Playing, told: Told) -> str:
    return str(playing.kept[f"dispute {told['name']}"])


def _named(playing: Playing, told: Told) -> Dispute:
    return find_dispute(playing.stage.home, _id(playing, told))


DOES: dict[str, Callable[[Playing, Told], None]] = {
    "owners": _owners,
    "open": _open,
    "message": _message,
    "examine": _examine,
    "isolate": _isolate,
    "release": _release,
    "decide": _decide,
    "reopen": _reopen,
}
STEPS = {"dispute": Verb(dispute), "owed": Verb(owed)}
