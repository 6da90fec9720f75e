"""What does not tie, and who lets it pass.

`state` a control total; `break` what holds or is noted by the last close; `close_alerts` all open ones, with
a reason; `waive` what a source states, signed by finance, ops and engineering. Of an invoice: `waivers`.
"""

from __future__ import annotations

from tests.scenarios.frame import Member, Playing, Told, Verb
from tieout.cli.demo.stage import PEOPLE
from tieout.contract.policy import EngineeringRole, PolicyRole
from tieout.flows.control_totals import control_total, state_control_total
from tieout.flows.pipeline_alerts import close_alert, list_alerts
from tieout.flows.policy import register_key
from tieout.flows.waivers import add_waiver_signature, propose_waiver, write_waiver_request
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request

ENGINEER = "Eli Novak"


def state(playing: Playing, step: Told) -> None:
    told = {"field": None, "total": None, **step["state"]}
    state_control_total(playing.stage.home, control_total(**told), by=told["source"])


def check_breaks(playing: Playing, step: Told) -> None:
    """All of them, in their order; `found` is a part of what is printed."""
    found = [each.found for each in playing.stage.home.books.breaks.open()]
    assert [(each.tie, each.kind.value, each.size, each.reach.value) for each in found] == [
        (told["tie"], told["class"], told["size"], told["holds"]) for told in step["breaks"]
    ], found
    for each, told in zip(found, step["breaks"], strict=True):
        assert told.get("found", "") in each.found, each.found


def close_alerts(playing: Playing, step: Told) -> None:
    told = step["close_alerts"]
    alerts = list_alerts(playing.stage.home)
    assert sorted(alert.shift.kind.value for alert in alerts) == told["kinds"]
    for alert in alerts:
        close_alert(playing.stage.home, alert.id, by=told["by"], reason=told["reason"])


def waive(playing: Playing, step: Told) -> None:
    told, home = step["waive"], playing.stage.home
    people = playing.stage.folder / "people"
    generate_key(people / "engineering.key", people / "engineering.pub")
    register_key(home, EngineeringRole.ENGINEERING, ENGINEER, people / "engineering.pub")
    state = propose_waiver(home, told["source"], told["id"], by=told["by"], reason=told["reason"])
    request = playing.stage.folder / "waiver.json"
    write_waiver_request(home, state.proposed.digest, request)
    signers = [(role, person) for role, person in PEOPLE if role is not PolicyRole.PRODUCT]
    for role, person in (*signers, (EngineeringRole.ENGINEERING, ENGINEER)):
        out = playing.stage.folder / f"waiver.{role.value}"
        sign_request(request, private_key=people / f"{role.value}.key", role=role, person=person, out=out)
        state = add_waiver_signature(home, out)
    assert state.good is not None


STEPS = {
    "state": Verb(state),
    "breaks": Verb(check_breaks),
    "close_alerts": Verb(close_alerts),
    "waive": Verb(waive),
}
INVOICE = {
    "waivers": Member(
        lambda printed: [
            {"statement": each["statement"], "difference": each["difference"], "reason": each["reason"]}
            for each in printed.get("waivers", ())
        ],
        default=[],
    )
}
