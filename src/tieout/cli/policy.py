"""`tieout policy ...`: the trigger policy, proposed by one person and signed by product, finance and ops.

`keygen` and `sign` need no data folder: private keys stay with people, and only signatures travel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.out_file import ForceOption, may_write
from tieout.cli.screen import Json, note, plain, print_json, say, table

if TYPE_CHECKING:
    from tieout.contract.policy import SignerRole
    from tieout.flows.policy import PolicyState

app = typer.Typer(
    help="The signed trigger policy: propose, sign, submit, show, diff; and the keys that sign.",
    no_args_is_help=True,
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
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the file that signers need; it holds the whole document."""
    from tieout.flows.policy import write_signing_request

    may_write(out, force=force)
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
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a request, offline. Prints the document that is signed."""
    from tieout.wiring import sign_request

    may_write(out, force=force)
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
def show(
    home: HomeOption,
    policy: Annotated[
        str | None,
        typer.Argument(
            help="One policy with all its members: digest, its beginning, or KEY@VERSION.", show_default="all"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Every policy: signatures, roles still missing, since when it is in force; or one, member by member."""
    from tieout.contract.policy_members import member_text, policy_members
    from tieout.flows.policy import find_policy, policies

    with opened(home) as where:
        states = policies(where)
        if policy is not None:
            digest = find_policy(where, policy).digest
            states = [state for state in states if state.policy.digest == digest]
    if as_json:
        print_json([_state_json(state) for state in states])
        return
    _say_states(states)
    if policy is not None:
        members = policy_members(states[0].policy)
        say(table(("member", "says"), ([name, member_text(told)] for name, told in members.items())))


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="Digest, its beginning, or KEY@VERSION.", show_default=False)],
    after: Annotated[str, typer.Argument(help="The other one, likewise.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """What one policy says otherwise than another, member by member."""
    from tieout.contract.policy_members import differences, member_text
    from tieout.flows.policy import find_policy

    with opened(home) as where:
        one, other = find_policy(where, before), find_policy(where, after)
    found = differences(one, other)
    if as_json:
        print_json(
            {
                "before": {"key": one.key, "version": one.version, "digest": one.digest},
                "after": {"key": other.key, "version": other.version, "digest": other.digest},
                "differences": [
                    {"member": each.member, "before": each.before, "after": each.after} for each in found
                ],
            }
        )
        return
    if not found:
        note("The two say the same.")
        return
    columns = ("member", f"{one.key} v{one.version}", f"{other.key} v{other.version}")
    say(table(columns, ([each.member, member_text(each.before), member_text(each.after)] for each in found)))


@app.command()
def rotate(
    key_id: Annotated[str, typer.Argument(help="The old key.", show_default=False)],
    public_key: Annotated[Path, typer.Argument(help="The new key's .pub file.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Put a new key in the place of an old one, for the same person and role, in one act on record."""
    from tieout.flows.signing_keys import rotate_key
    from tieout.kernel.ids import KeyId
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        new = rotate_key(where, KeyId(key_id), public_key)
    if as_json:
        print_json(
            {"key_id": new.key_id, "replaces": key_id, "role": new.role.value, "person": new.person,
             "registered_at": format_instant(new.registered_at)}
        )  # fmt: skip
    else:
        say(plain(f"Key {new.key_id} signs for {new.role.value} as {new.person}; {key_id} signs no more."))


@app.command()
def keys(home: HomeOption, as_json: JsonOption = False) -> None:
    """Every key that was ever registered: whose, for which role, since when, until when, and what replaced
    it."""
    from tieout.flows.signing_keys import key_history
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        found = key_history(where)
    if as_json:
        print_json(
            [
                {
                    "key_id": each.key.key_id,
                    "role": each.key.role.value,
                    "person": each.key.person,
                    "registered_at": format_instant(each.key.registered_at),
                    "revoked_at": None
                    if each.key.revoked_at is None
                    else format_instant(each.key.revoked_at),
                    "replaced_by": each.replaced_by,
                    "signed": each.signed,
                }
                for each in found
            ]
        )
        return
    rows = (
        [
            each.key.key_id,
            each.key.role.value,
            each.key.person,
            format_instant(each.key.registered_at),
            "" if each.key.revoked_at is None else format_instant(each.key.revoked_at),
            each.replaced_by or "",
            str(each.signed),
        ]
        for each in found
    )
    columns = ("key", "role", "person", "registered", "revoked", "replaced by", "signed>")
    say(table(columns, rows))


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
    from tieout.contract.policy_members import policy_members
    from tieout.kernel.instant import format_instant

    return {
        "key": state.policy.key,
        "version": state.policy.version,
        "digest": state.policy.digest,
        **policy_members(state.policy),
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
