"""`tieout price pending|request|sign|approve`: a price version, signed by product or finance.

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

    from tieout.contract.price_approval import PriceVersion

ROLES = ("product", "finance")


def _known_role(value: str) -> str:
    if value not in ROLES:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(ROLES)}")
    return value


def pending(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the price versions that nobody has signed; a policy may require a signature before a seal."""
    from tieout.flows.approve_price import all_price_versions

    with opened(home) as where:
        waiting = [each for each in all_price_versions(where) if not each.signatures]
    if as_json:
        print_json([price_json(each) for each in waiting])
    else:
        _say(waiting)
        if waiting:
            note("Next: tieout price request PRICE --out FILE, and give the file to product or finance.")


def request(
    price: Annotated[str, typer.Argument(help="The price's key.", show_default=False)],
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="Where to write the request.", show_default=False)],
    version: Annotated[
        int | None, typer.Option(min=1, help="Which version.", show_default="the first that waits")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the file that a signer needs; it holds the whole document."""
    from tieout.flows.approve_price import write_price_request

    may_write(out, force=force)
    with opened(home) as where:
        asked = write_price_request(where, price, version, out)
    if as_json:
        print_json(
            {"file": str(out), "price": asked.key, "version": asked.version, "digest": asked.document_digest}
        )
    else:
        say(plain(f"{out}: request to product or finance to sign price {asked.key} v{asked.version}"))


def sign(
    request_file: Annotated[
        Path, typer.Argument(metavar="REQUEST", help="From price request.", show_default=False)
    ],
    private_key: Annotated[Path, typer.Option("--key", help="Your private key.", show_default=False)],
    role: Annotated[str, typer.Option(callback=_known_role, help="product or finance.", show_default=False)],
    person: Annotated[str, typer.Option(help="Who holds the key.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where to write the signature.", show_default=False)],
    *,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a price version, offline. Prints the document that is signed."""
    from tieout.contract.policy import PolicyRole
    from tieout.wiring import sign_request

    may_write(out, force=force)
    signed = sign_request(
        request_file, private_key=private_key, role=PolicyRole(role), person=person, out=out, as_price=True
    )
    if as_json:
        print_json({"file": str(out), "home": signed.home_id, "digest": signed.document_digest})
    else:
        say(plain(signed.document))
        note(f"Signed as {role} by {person}: {out}")


def approve(
    signature: Annotated[Path, typer.Argument(help="From price sign.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Verify a signature over a price version and record it."""
    from tieout.flows.approve_price import approve_price

    with opened(home) as where:
        found = approve_price(where, signature)
    if as_json:
        print_json(price_json(found))
    else:
        _say([found])


def price_json(found: PriceVersion) -> dict[str, Json]:
    """The version and who signed it."""
    from tieout.kernel.instant import format_instant

    return {
        "price": found.price.key,
        "version": found.price.version,
        "effective_from": format_instant(found.price.effective_from),
        "digest": found.price.digest,
        "signatures": [
            {
                "role": signature.role.value,
                "person": signature.person,
                "key_id": signature.key_id,
                "signed_at": format_instant(signature.signed_at),
            }
            for signature in found.signatures
        ],
    }


def _say(found: Sequence[PriceVersion]) -> None:
    from tieout.kernel.instant import format_instant

    columns = ("price", "version>", "effective from", "signed by", "digest")
    rows = (
        [
            each.price.key,
            str(each.price.version),
            format_instant(each.price.effective_from),
            ", ".join(f"{signature.person} ({signature.role.value})" for signature in each.signatures)
            or "nobody",
            each.price.digest[:16],
        ]
        for each in found
    )
    say(table(columns, rows))
