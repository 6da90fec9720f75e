"""What a source states, and who lets a difference pass: `state` a control total, `waive` its difference.

`[step.state]` has `source`, `id`, `type`, `start`, `end` and `events`; `[step.waive]` has `source`, `id`,
`by` and `reason`. Finance and ops sign with the policy's keys, engineering with a key of its own.
"""

from __future__ import annotations

from tests.scenarios.frame import Playing, Told, Verb
from tieout.contract.policy import signer_role
from tieout.flows.control_totals import control_total, state_control_total
from tieout.flows.policy import register_key
from tieout.flows.waivers import add_waiver_signature, propose_waiver, write_waiver_request
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request

DESK = (("finance", "Bram de Vries"), ("ops", "Chiara Russo"), ("engineering", "Eli Haddad"))


def state(playing: Playing, step: Told) -> None:
    told = step["state"]
    stated = control_total(
        source=told["source"],
        id=told["id"],
        type=told["type"],
        start=told["start"],
        end=told["end"],
        events=str(told["events"]),
        field=None,
        total=None,
    )
    state_control_total(playing.stage.home, stated, by=told["source"])


def waive(playing: Playing, step: Told) -> None:
    told, home, people = step["waive"], playing.stage.home, playing.stage.folder / "people"
    papers = playing.stage.folder / "waiver"
    papers.mkdir()
    found = propose_waiver(home, told["source"], told["id"], by=told["by"], reason=told["reason"])
    write_waiver_request(home, found.proposed.digest, papers / "request.json")
    generate_key(people / "engineering.key", people / "engineering.pub")
    register_key(home, signer_role("engineering"), "Eli Haddad", people / "engineering.pub")
    for role, person in DESK:
        signature = papers / f"{role}.signature"
        sign_request(
            papers / "request.json",
            private_key=people / f"{role}.key",
            role=signer_role(role),
            person=person,
            out=signature,
        )
        add_waiver_signature(home, signature)


STEPS = {"state": Verb(state), "waive": Verb(waive)}
