"""Where the demo plays: a data folder of its own, made anew, on a clock that is set to the data's months."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tieout.cli.refusals import NotADemoHome
from tieout.contract.policy import PolicyRole
from tieout.flows.home import Home
from tieout.flows.policy import add_signature, propose, register_key, write_signing_request
from tieout.kernel.instant import Instant, format_instant
from tieout.wiring import SteppedClock, create_home, generate_key, sign_request

MARKER = ".tieout-demo"

PEOPLE: tuple[tuple[PolicyRole, str], ...] = (
    (PolicyRole.PRODUCT, "Ada Okafor"),
    (PolicyRole.FINANCE, "Bram de Vries"),
    (PolicyRole.OPS, "Chiara Russo"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The demo's home and the clock it lives by."""

    home: Home
    clock: SteppedClock

    @property
    def folder(self) -> Path:
        return self.home.folder


def set_stage(folder: Path, *, now: Instant) -> Stage:
    """A new home in `folder`. One that an earlier demo left is removed; any other folder is left alone."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARKER).is_file():
            raise NotADemoHome(folder, MARKER)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).write_text(
        "Made by `tieout demo`, which removes this folder when it runs again.\n", encoding="utf-8"
    )
    clock = SteppedClock(now)
    return Stage(create_home(folder, clock=clock), clock)


def copy_catalog(folder: Path, *names: str) -> Path:
    """The demo's own catalog files, as `names` below its package, into `folder`/catalog."""
    target = folder / "catalog"
    target.mkdir(exist_ok=True)
    for name in names:
        source = files("tieout.cli.demo") / "catalog" / name
        (target / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    return target


def packaged_policy(name: str) -> str:
    """The text of one of the demo's own policies."""
    return (files("tieout.cli.demo") / "policy" / name).read_text(encoding="utf-8")


def sign_policy(stage: Stage, document: str) -> str:
    """Propose the policy in a TOML text and have three people sign it; gives a sentence about it.

    Here one program plays all three and leaves their keys in `people/`. In real life a private key never
    leaves its owner: `tieout policy sign` works offline on the request file.
    """
    home, people, papers = stage.home, stage.folder / "people", stage.folder / "policy"
    people.mkdir()
    papers.mkdir()
    file = papers / "policy.toml"
    file.write_text(document, encoding="utf-8")
    policy = propose(home, file)
    request = papers / "request.json"
    write_signing_request(home, policy.digest, request)
    signed = []
    for role, person in PEOPLE:
        private_key = people / f"{role.value}.key"
        generate_key(private_key, people / f"{role.value}.pub")
        register_key(home, role, person, people / f"{role.value}.pub")
        signature = papers / f"{role.value}.signature"
        sign_request(request, private_key=private_key, role=role, person=person, out=signature)
        signed.append(add_signature(home, signature))
    since = signed[-1].in_force_from
    assert since is not None, "three people in three roles have signed"
    return (
        f"Policy {policy.key} version {policy.version}: {policy.cadence.value}, "
        f"{policy.grace_hours} hours of grace; signed by "
        + ", ".join(f"{person} ({role.value})" for role, person in PEOPLE)
        + f"; in force from {format_instant(since)}."
    )
