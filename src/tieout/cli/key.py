"""`tieout key create|list|revoke`: who may use the HTTP interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.contract.api_key import ApiKey

app = typer.Typer(help="Keys of the HTTP interface: create, list, revoke.", no_args_is_help=True)


@app.command()
def create(
    home: HomeOption,
    name: Annotated[str, typer.Option(help="Whose key it is, for people.", show_default=False)],
    role: Annotated[
        str,
        typer.Option(help="source, product, finance, ops, engineering, auditor or customer."),
    ] = "source",
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="A source that a key of role source may send as; may be repeated; * at its end: a prefix."
        ),
    ] = None,
    customer: Annotated[
        str | None, typer.Option(help="The customer whose data alone a key of role customer may see.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key; its token is shown this once."""
    from tieout.flows.api_keys import create_api_key

    with opened(home) as where:
        key, token = create_api_key(where, name=name, role=role, sources=source or (), customer=customer)
    if as_json:
        print_json({**_key_json(key), "token": token})
        return
    say(token)
    note(f"Key {key.key_id} of role {key.role.value} for {key.name}. The token is not stored: keep it now.")


@app.command("list")
def list_(home: HomeOption, as_json: JsonOption = False) -> None:
    """All keys, without their tokens."""
    from tieout.flows.api_keys import list_api_keys

    with opened(home) as where:
        keys = list_api_keys(where)
    if as_json:
        print_json([_key_json(key) for key in keys])
        return
    rows = [_key_json(key) for key in keys]
    cells = [
        [
            *(key.key_id, key.name, key.role.value, " ".join(key.sources)),
            *(str(row["created_at"]), str(row["revoked_at"] or "")),
        ]
        for row, key in zip(rows, keys, strict=True)
    ]
    say(table(("id", "name", "role", "speaks for", "created", "revoked"), cells))


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id in the list.", show_default=False)], home: HomeOption
) -> None:
    """Refuse a key from now on; running servers do within a second."""
    from tieout.flows.api_keys import revoke_api_key

    with opened(home) as where:
        revoke_api_key(where, key)
    note(f"Key {key} is revoked.")


def _key_json(key: ApiKey) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    return {
        "id": key.key_id,
        "name": key.name,
        "role": key.role.value,
        "sources": [] if key.customer else list(key.sources),
        **({} if key.customer is None else {"customer": key.customer}),
        "created_at": format_instant(key.created_at),
        "revoked_at": None if key.revoked_at is None else format_instant(key.revoked_at),
    }
