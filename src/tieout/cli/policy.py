"""`tieout policy ...`: the trigger policy, proposed by one person and signed by product, finance and ops.

`keygen` and `sign` need no data folder: private keys stay with people, and only signatures travel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, note, plain, print_json, say, table

if TYPE_CHECKING:
    from tieout.contract.policy import SignerRole
    from tieout.flows.policy import PolicyState

app = typer.Typer(
    help="The signed trigger policy: propose, sign, submit, revoke, show.", no_args_is_help=True
)

ROLES = ("product", "finance", "ops")
OWNER = "owner"
ENGINEERING = "engineering"


def _known_role(value: str) -> str:
    if value not in ROLES:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(ROLES)}")
    return value


def _known_signer(value: str) -> str:
    return value if value in (OWNER, ENGINEERING) else _known_role(value)


def _known_desk(value: str) -> str:
    return value if value == ENGINEERING else _known_role(value)


SignerOption = Annotated[
    str,
    typer.Option(
        "--role",
        callback=_known_signer,
        help="product, finance, ops or engineering; owner for who signs changes of meters.",
        show_default=False,
    ),
]
RoleOption = Annotated[
    str,
    typer.Option(
        callback=_known_desk,
        help="product, finance or ops; engineering for waivers.",
        show_default=False,
    ),
]
PersonOption = Annotated[str, typer.Option(help="Who holds the key.", show_default=False)]


@app.command()
def keygen(
    private_key: Annotated[Path, typer.Argument(help="New file; readable by you only.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Make an Ed25519 key pair: FILE and FILE.pub. Existing files are never overwritten."""
    from tieout.wiring import generate_key

    public_key = private_key.with_name(private_key.name + ".pub")
    key_id = generate_key(private_key, public_key)
    if as_json:
        print_json({"key_id": key_id, "private_key": str(private_key), "public_key": str(public_key)})
    else:
        say(f"Key {key_id}: {private_key} (keep it), {public_key} (register it).")


@app.command()
def register(
    public_key: Annotated[Path, typer.Argument(help="The .pub file.", show_default=False)],
    role: SignerOption,
    person: PersonOption,
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Record a person's public key for a role; an owner goes by the name that meters give."""
    from tieout.contract.policy import signer_role
    from tieout.flows.policy import register_key
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        key = register_key(where, signer_role(role), person, public_key)
    if as_json:
        print_json(
            {"key_id": key.key_id, "role": key.role.value, "person": key.person,
             "registered_at": format_instant(key.registered_at)}
        )  # fmt: skip
    else:
        say(plain(f"Key {key.key_id} signs for {key.role.value} as {key.person}."))


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="A TOML file with one [\\[policy]].", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Store a policy for signing."""
    from tieout.flows.policy import propose as propose_policy

    with opened(home) as where:
        policy = propose_policy(where, file)
    if as_json:
        print_json({"key": policy.key, "version": policy.version, "digest": policy.digest})
    else:
        say(f"Policy {policy.key} version {policy.version}, digest {policy.digest}")
        note("Next: tieout policy request DIGEST --out FILE, and give the file to the three signers.")


@app.command()
def request(
    digest: Annotated[str, typer.Argument(help="The policy's digest, or its beginning.", show_default=False)],
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="Where to write the request.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Write the file that signers need; it holds the whole document."""
    from tieout.flows.policy import write_signing_request

    with opened(home) as where:
        asked = write_signing_request(where, digest, out)
    if as_json:
        print_json(
            {"file": str(out), "key": asked.key, "version": asked.version, "digest": asked.document_digest}
        )
    else:
        say(f"{out}: request to sign policy {asked.key} version {asked.version}")


@app.command()
def sign(
    request_file: Annotated[
        Path, typer.Argument(metavar="REQUEST", help="From policy request.", show_default=False)
    ],
    private_key: Annotated[Path, typer.Option("--key", help="Your private key.", show_default=False)],
    role: RoleOption,
    person: PersonOption,
    out: Annotated[Path, typer.Option(help="Where to write the signature.", show_default=False)],
    *,
    as_json: JsonOption = False,
) -> None:
    """Sign a request, offline. Prints the document that is signed."""
    from tieout.wiring import sign_request

    signed = sign_request(request_file, private_key=private_key, role=_role(role), person=person, out=out)
    if as_json:
        print_json({"file": str(out), "home": signed.home_id, "digest": signed.document_digest})
    else:
        say(plain(signed.document))
        note(f"Signed as {role} by {person}: {out}")


@app.command()
def submit(
    signature: Annotated[Path, typer.Argument(help="From policy sign.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Verify a signature and record it."""
    from tieout.flows.policy import add_signature

    with opened(home) as where:
        state = add_signature(where, signature)
    if as_json:
        print_json(_state_json(state))
    else:
        _say_states([state])


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="As keygen and register print it.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Take a key out of use from now on; what it has signed stays signed."""
    from tieout.flows.policy import revoke_key
    from tieout.kernel.ids import KeyId

    with opened(home) as where:
        revoke_key(where, KeyId(key_id))
    if as_json:
        print_json({"key_id": key_id, "revoked": True})
    else:
        say(plain(f"Key {key_id} signs no more; what it has signed stays signed."))


@app.command()
def show(home: HomeOption, as_json: JsonOption = False) -> None:
    """Every policy: signatures, roles still missing, since when it is in force."""
    from tieout.flows.policy import policies

    with opened(home) as where:
        states = policies(where)
    if as_json:
        print_json([_state_json(state) for state in states])
    else:
        _say_states(states)


def _role(text: str) -> SignerRole:
    from tieout.contract.policy import signer_role

    return signer_role(text)


def _say_states(states: list[PolicyState]) -> None:
    from tieout.kernel.instant import format_instant

    columns = (
        "policy",
        "version>",
        "cadence",
        "grace (hours)>",
        "signed by",
        "missing",
        "in force from",
        "digest",
    )
    rows = (
        [
            state.policy.key,
            str(state.policy.version),
            state.policy.cadence.value,
            str(state.policy.grace_hours),
            "\n".join(f"{signature.person} ({signature.role.value})" for signature in state.signatures),
            ", ".join(role.value for role in state.missing),
            "not in force" if state.in_force_from is None else format_instant(state.in_force_from),
            state.policy.digest[:16],
        ]
        for state in states
    )
    say(table(columns, rows))


def _state_json(state: PolicyState) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "key": state.policy.key,
        "version": state.policy.version,
        "digest": state.policy.digest,
        "predecessor_digest": state.policy.predecessor_digest,
        "effective_from": format_instant(state.policy.effective_from),
        "cadence": state.policy.cadence.value,
        "grace_hours": state.policy.grace_hours,
        "proposer": state.policy.proposer,
        "small_team_exception": state.policy.small_team_exception,
        "signatures": [
            {
                "role": signature.role.value,
                "person": signature.person,
                "key_id": signature.key_id,
                "signed_at": format_instant(signature.signed_at),
            }
            for signature in state.signatures
        ],
        "missing": [role.value for role in state.missing],
        "in_force_from": None if state.in_force_from is None else format_instant(state.in_force_from),
    }
