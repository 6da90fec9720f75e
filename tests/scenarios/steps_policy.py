"""The policy: a story's own in `policy.toml`, else the default; `sign` brings a successor into force.

A successor's file leaves out `predecessor_digest`: it is that of the policy signed before.
"""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.frame import Playing, Told, Verb
from tieout.cli.demo.stage import PEOPLE, Stage, sign_policy
from tieout.flows.policy import add_signature, policies, propose, write_signing_request
from tieout.gateways.signing_desk import sign_request

POLICY = """[[policy]]
key = "close"
version = 1
effective_from = {effective_from}
cadence = "monthly"
grace_hours = 24
proposer = "Somebody Else"
"""


def sign_first(stage: Stage, story: Path, told: Told) -> None:
    own = story / "policy.toml"
    document = own.read_text() if own.is_file() else POLICY.format(effective_from=told["starts_at"])
    sign_policy(stage, document)


def sign(playing: Playing, step: Told) -> None:
    """The same three people sign the policy in the step's file."""
    home, folder = playing.stage.home, playing.stage.folder
    before = max(policies(home), key=lambda state: state.policy.version).policy.digest
    head, rest = (playing.story / step["sign"]).read_text().split("[[policy]]\n")
    file, request = folder / "policy" / step["sign"], folder / "policy" / f"{step['sign']}.json"
    file.write_text(f'{head}[[policy]]\npredecessor_digest = "{before}"\n{rest}')
    write_signing_request(home, propose(home, file).digest, request)
    for role, person in PEOPLE:
        signature = folder / "policy" / f"{step['sign']}.{role.value}"
        key = folder / "people" / f"{role.value}.key"
        sign_request(request, private_key=key, role=role, person=person, out=signature)
        add_signature(home, signature)


STEPS = {"sign": Verb(sign)}
