"""What is promised: `apply` a folder of the catalog, `approve` a meter's change as its owner."""

from __future__ import annotations

from tests.scenarios.frame import Playing, Told, Verb
from tieout.contract.policy import OwnerRole
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.approve_meter import approve, write_approval_request
from tieout.flows.policy import register_key
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request


def apply(playing: Playing, step: Told) -> None:
    apply_catalog(playing.stage.home, playing.story / step["apply"])


def approve_change(playing: Playing, step: Told) -> None:
    """The owner of the meter registers a key, and signs the first version of it that waits."""
    home, meter = playing.stage.home, step["approve"]
    papers = playing.stage.folder / "approval"
    papers.mkdir()
    asked = write_approval_request(home, meter, None, papers / "request.json").request
    private, public, signature = (papers / name for name in ("owner.key", "owner.pub", "signature"))
    generate_key(private, public)
    assert asked.owner is not None
    register_key(home, OwnerRole.OWNER, asked.owner, public)
    sign_request(
        papers / "request.json", private_key=private, role=OwnerRole.OWNER, person=None, out=signature
    )
    approve(home, meter, None, signature)


STEPS = {"apply": Verb(apply), "approve": Verb(approve_change)}
