"""`tieout readiness`: the launch review, item by item; who signed it off, and how far the installation is
open."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli import readiness_shown as shown
from tieout.cli.files_or_verbs import FILES, FilesOrVerbs
from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.out_file import ForceOption, may_write
from tieout.cli.policy import SignerOption
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import note, plain, print_json, say

if TYPE_CHECKING:
    from tieout.contract.policy import SignerRole
    from tieout.contract.signature import Signature
    from tieout.readiness.documents import ReadinessDocument
    from tieout.wiring import Home


class ReviewOrVerbs(FilesOrVerbs):
    """`tieout readiness` alone is the review."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 (as typer calls it)
        return ["[OPTIONS] | VERB [ARGS]..."]


def readiness(home: HomeOption, as_json: JsonOption = False) -> None:
    """The launch review: every item with its evidence, what is open and why, and who signed it off.

    Exit code 1 when an item is open.
    """
    from tieout.flows.readiness import review

    with opened(home) as where:
        found = review(where)
    if as_json:
        print_json(shown.review_json(found))
    else:
        say(shown.review_page(found))
    if found.open:
        raise typer.Exit(1)


app = typer.Typer(cls=ReviewOrVerbs, help=readiness.__doc__)
app.command(FILES, hidden=True)(readiness)
sample = typer.Typer(help="What product, finance and ops expect of sample accounts.", no_args_is_help=True)
override = typer.Typer(
    help="Passing over an open item, for a time, by three signatures.", no_args_is_help=True
)
app.add_typer(sample, name="sample")
app.add_typer(override, name="override")

WhatArgument = Annotated[
    str, typer.Argument(metavar="ITEM|DIGEST", help="An item, or the digest of a sample or override.")
]
KeyOption = Annotated[Path, typer.Option("--key", help="Your private key.", show_default=False)]
OptionalPerson = Annotated[
    str | None,
    typer.Option("--person", help="Who holds the key.", show_default="the one with a key of the role"),
]


@app.command()
def show(
    item: Annotated[str, typer.Argument(help="Its word, as `tieout readiness` prints it.")],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """One item. Exit code 1 when it is open."""
    from tieout.flows.readiness import standing_of
    from tieout.flows.readiness_signing import item_key

    key = item_key(item)
    with opened(home) as where:
        found = standing_of(where, key)
    if as_json:
        print_json(shown.standing_json(found))
    else:
        say(shown.standing_page(found))
    if found.is_open:
        raise typer.Exit(1)


@app.command()
def level(
    home: HomeOption,
    to: Annotated[
        str | None, typer.Argument(metavar="[narrow|wide]", help="Sets it; without, every level so far.")
    ] = None,
    accounts: Annotated[str | None, typer.Option(help="Who is billed while it is narrow: A,B.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who decides.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why.")] = None,
    as_json: JsonOption = False,
) -> None:
    """How far it is open: narrow bills the accounts of a list at the end of their periods, wide everybody.

    Once a level is set, an open item refuses to go wide, to list more accounts, and to change catalog or
    policy.
    """
    from tieout.flows.readiness import set_level
    from tieout.readiness.level import Level

    if to is None:
        with opened(home) as where:
            levels = where.books.readiness.levels()
        shown.say_levels(levels, as_json=as_json)
        return
    if to not in tuple(Level):
        raise MalformedOption("level", f"{to!r} is not one of {', '.join(Level)}")
    if (accounts is None) != (to == Level.WIDE):
        raise MalformedOption("--accounts", "a narrow level names them (A,B), a wide one does not")
    if by is None or reason is None:
        raise MalformedOption("--by, --reason", "a level is set by a named person, with a reason")
    listed = [] if accounts is None else accounts.split(",")
    with opened(home) as where:
        recorded = set_level(where, Level(to), listed, person=by, reason=reason)
    shown.say_levels((recorded,), as_json=as_json)


@app.command()
def documents(home: HomeOption, as_json: JsonOption = False) -> None:
    """Every sign-off, expectation and override that was recorded, who signed it, and which roles are
    missing."""
    from tieout.flows.readiness_papers import papers_of

    with opened(home) as where:
        found = papers_of(where)
    shown.say_papers(found.documents, as_json=as_json)


@app.command()
def request(
    what: WhatArgument,
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="Where to write the request.", show_default=False)],
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the file that a signer needs; it is signed with `tieout policy sign`, offline."""
    from tieout.flows.readiness_signing import write_readiness_request

    may_write(out, force=force)
    with opened(home) as where:
        document = where.books.readiness.add(_document(where, what))
        asked = write_readiness_request(where, document.digest, out)
    if as_json:
        print_json({"file": str(out), "asks": asked.key, "digest": asked.document_digest})
    else:
        say(plain(f"{out}: request to sign the {asked.key}"))


@app.command()
def submit(
    signature: Annotated[Path, typer.Argument(help="From policy sign.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Verify a signature and record it."""
    from tieout.flows.readiness_signing import submit as submit_signature

    with opened(home) as where:
        document, signed = submit_signature(where, signature)
    shown.say_signed(document, signed, as_json=as_json)


@app.command()
def sign(
    what: WhatArgument,
    role: SignerOption,
    private_key: KeyOption,
    home: HomeOption,
    person: OptionalPerson = None,
    as_json: JsonOption = False,
) -> None:
    """Request, sign and submit in one, where the key may be read beside the data folder; it is not kept."""
    from tieout.contract.policy import signer_role

    with opened(home) as where:
        document, signed = _signed(where, _document(where, what), signer_role(role), private_key, person)
    shown.say_signed(document, signed, as_json=as_json)


@sample.command()
def record(
    home: HomeOption,
    account: Annotated[str, typer.Option(help="Whose invoice.", show_default=False)],
    period: Annotated[
        str, typer.Option(help="2026-01-01/2026-02-01: first day, and the day after the last.")
    ],
    role: Annotated[str, typer.Option(help="product, finance or ops.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="Who expects it, and signs.", show_default=False)],
    amount: Annotated[str, typer.Option(help="The paper's total, with taxes.", show_default=False)],
    on: Annotated[str, typer.Option("--date", help="When it is made, on the account's calendar.")],
    paper: Annotated[str, typer.Option(help="invoice, or note for a correction by itself.")] = "invoice",
    currency: Annotated[str | None, typer.Option(help="Its currency.", show_default="the account's")] = None,
    private_key: Annotated[
        Path | None, typer.Option("--key", help="Your private key: signs it at once.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Record what an invoice should come to, before it is made. It counts once it is signed."""
    from tieout.flows.readiness_beforehand import shown_already
    from tieout.flows.readiness_signing import record_sample, sample_now

    said = shown.sample_said(
        account, period, role=role, person=by, amount=amount, on=on, paper=paper, currency=currency
    )
    with opened(home) as where:
        if private_key is None:
            document, signed = record_sample(where, said), None
        else:
            document, signed = _signed(where, sample_now(where, said), said.role, private_key, by)
        shown_since = shown_already(where, document)
    shown.say_recorded(document, signed, as_json=as_json, shown_since=shown_since)


@override.command()
def propose(
    item: Annotated[str, typer.Argument(help="An open item.", show_default=False)],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    until: Annotated[str, typer.Option(help="When it runs out, RFC 3339; at most 92 days ahead.")],
    as_json: JsonOption = False,
) -> None:
    """Propose that its problems as they are now may be passed over; product, finance and ops sign."""
    from tieout.flows.readiness_signing import propose_override
    from tieout.kernel.instant import parse_instant

    instant = parse_instant(until)
    with opened(home) as where:
        document = propose_override(where, item, person=by, reason=reason, until=instant)
    shown.say_recorded(document, None, as_json=as_json)


def _document(where: Home, what: str) -> ReadinessDocument:
    """Of an item the sign-off of what it stands on now, which is recorded with its signature or a request."""
    from tieout.flows.readiness_signing import document_named, sign_off_now
    from tieout.readiness.item import ItemKey

    return sign_off_now(where, what) if what in tuple(ItemKey) else document_named(where, what)


def _signed(
    where: Home, document: ReadinessDocument, role: SignerRole, private_key: Path, person: str | None
) -> tuple[ReadinessDocument, Signature]:
    """Nothing is recorded where the signature is refused, and the refusal names the key's file."""
    from tieout.flows.readiness_signing import only_signer, record_signed, write_request_of
    from tieout.flows.signed_file import SignatureBeforeKey, SignatureRefused
    from tieout.wiring import sign_request

    signer = person or only_signer(where, document, role)
    with TemporaryDirectory(prefix="tieout-sign-") as folder:
        asked, made = Path(folder) / "request.json", Path(folder) / "signature.json"
        write_request_of(where, document, asked)
        note(plain(document.document))
        sign_request(asked, private_key=private_key, role=role, person=signer, out=made)
        try:
            return record_signed(where, document, made)
        except SignatureRefused as refused:
            raise SignatureRefused(private_key, refused.why, made_with=True) from refused
        except SignatureBeforeKey as refused:
            raise SignatureBeforeKey(private_key, refused.key, refused.now) from refused
