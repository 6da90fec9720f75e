"""`tieout catalog pending|request|sign|approve`: a change of a meter, signed by its owner.

`sign` needs no data folder: the private key stays with its owner, and only the signature travels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.out_file import ForceOption, may_write
from tieout.cli.screen import Json, note, plain, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.contract.approval import MeterChange

MeterArgument = Annotated[str, typer.Argument(help="The meter's key.", show_default=False)]
VersionOption = Annotated[
    int | None, typer.Option(min=1, help="Which version.", show_default="the first that waits")
]


def pending(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the changes of meters that wait for their owner's signature; nobody is billed by them."""
    from tieout.flows.approve_meter import changes

    with opened(home) as where:
        waiting = [change for change in changes(where) if change.signature is None]
    if as_json:
        print_json([change_json(change) for change in waiting])
    else:
        _say(waiting)
        if waiting:
            note("Next: tieout catalog request METER --out FILE, and give the file to the owner.")


def request(
    meter: MeterArgument,
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="Where to write the request.", show_default=False)],
    version: VersionOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the file that the owner needs to sign; it holds the whole document."""
    from tieout.flows.approve_meter import write_approval_request

    may_write(out, force=force)
    with opened(home) as where:
        asked = write_approval_request(where, meter, version, out)
    if as_json:
        print_json({"file": str(out), **change_json(asked.change)})
    else:
        say(plain(f"{out}: request to {asked.change.owner} to sign {asked.change.name}"))


def sign(
    request_file: Annotated[
        Path, typer.Argument(metavar="REQUEST", help="From catalog request.", show_default=False)
    ],
    private_key: Annotated[Path, typer.Option("--key", help="The owner's private key.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where to write the signature.", show_default=False)],
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a request as the meter's owner, offline. Prints the document that is signed."""
    from tieout.contract.policy import OwnerRole
    from tieout.wiring import sign_request

    may_write(out, force=force)
    signed = sign_request(request_file, private_key=private_key, role=OwnerRole.OWNER, person=None, out=out)
    if as_json:
        print_json(
            {
                "file": str(out),
                "home": signed.home_id,
                "digest": signed.document_digest,
                "owner": signed.owner,
            }
        )
    else:
        say(plain(signed.document))
        note(f"Signed as owner {signed.owner}: {out}")


def approve(
    meter: MeterArgument,
    signature: Annotated[Path, typer.Argument(help="From catalog sign.", show_default=False)],
    home: HomeOption,
    version: VersionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the owner's signature and record it: the version takes effect."""
    from tieout.flows.approve_meter import approve as approve_meter

    with opened(home) as where:
        change = approve_meter(where, meter, version, signature)
    if as_json:
        print_json(change_json(change))
    else:
        _say([change])


def change_text(change: MeterChange) -> str:
    """Who signed, or who has to."""
    if change.signature is None:
        return f"waits for {change.owner}"
    return f"signed by {change.signature.person}"


def change_json(change: MeterChange) -> dict[str, Json]:
    """The version, its owner, and the signature where there is one."""
    from tieout.kernel.instant import format_instant

    signature = change.signature
    return {
        "meter": change.meter.key,
        "version": change.meter.version,
        "effective_from": format_instant(change.meter.effective_from),
        "digest": change.meter.digest,
        "owner": change.owner,
        "approved": signature is not None,
        "key_id": None if signature is None else signature.key_id,
        "signed_at": None if signature is None else format_instant(signature.signed_at),
    }


def _say(changes: Sequence[MeterChange]) -> None:
    from tieout.kernel.instant import format_instant

    columns = ("meter", "version>", "effective from", "approval", "digest")
    rows = (
        [
            change.meter.key,
            str(change.meter.version),
            format_instant(change.meter.effective_from),
            change_text(change),
            change.meter.digest[:16],
        ]
        for change in changes
    )
    say(table(columns, rows))
