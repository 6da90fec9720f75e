"""`tieout wallet grant|show|void`: a customer's prepaid credits, from recorded movements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from tieout.balance.grant import Grant, HeldGrant
    from tieout.balance.movement import Movement
    from tieout.flows.wallet import WalletView
    from tieout.kernel.instant import Instant

app = typer.Typer(help="Prepaid credits: grant, show, void.", no_args_is_help=True)


@app.command()
def grant(
    customer: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    amount: Annotated[str, typer.Argument(help="A decimal, such as 50.00.", show_default=False)],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    kind: Annotated[str, typer.Option(help="paid or promotional.")] = "paid",
    priority: Annotated[int, typer.Option(help="Lower burns first; 0 to 1000.")] = 100,
    expires: Annotated[
        str | None, typer.Option(help="From this instant on it pays nothing (RFC 3339).")
    ] = None,
    effective: Annotated[str | None, typer.Option(help="Since when it counts; now if not given.")] = None,
    currency: Annotated[str | None, typer.Option(help="The customer's if not given.")] = None,
    price: Annotated[
        list[str] | None, typer.Option(help="Pays only for lines of this price; may be repeated.")
    ] = None,
    plan: Annotated[
        list[str] | None, typer.Option(help="Pays only for lines of this plan; may be repeated.")
    ] = None,
    grant_id: Annotated[
        str | None, typer.Option("--id", help="The same id again is the same grant; made up if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a customer credit that pays for invoices to come."""
    from tieout.flows.wallet import GrantOrder, grant_credit

    order = GrantOrder(
        customer=customer,
        amount=amount,
        currency=currency,
        kind=kind,
        priority=priority,
        effective_at=_instant(effective),
        expires_at=_instant(expires),
        prices=tuple(price or ()),
        plans=tuple(plan or ()),
    )
    with opened(home) as where:
        made, fresh = grant_credit(where, order, grant_id=grant_id, person=by, reason=reason)
    if as_json:
        print_json({**_grant_json(made), "new": fresh})
        return
    say(made.id)
    words = "is granted" if fresh else "was granted before, as it is; nothing was added"
    note(f"{grouped(made.amount.decimal_text)} {made.amount.currency} to {made.customer} {words}.")


@app.command()
def show(
    customer: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    home: HomeOption,
    at: Annotated[str | None, typer.Option(help="As it stood at this instant; now if not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What a customer holds: grants in burn-down order, balance, movements."""
    from tieout.flows.wallet import show_wallet

    with opened(home) as where:
        view = show_wallet(where, customer, at=_instant(at))
    if as_json:
        print_json(_view_json(view))
        return
    _say_view(view)


@app.command()
def void(
    grant_id: Annotated[str, typer.Argument(metavar="GRANT", help="The grant's id.", show_default=False)],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Take back what is left of a grant. What it has paid stays paid."""
    from tieout.flows.wallet import void_grant

    with opened(home) as where:
        found, taken = void_grant(where, grant_id, person=by, reason=reason)
    if as_json:
        print_json({**_grant_json(found), "taken": taken.decimal_text})
        return
    note(f"{grouped(taken.decimal_text)} {taken.currency} of grant {found.id} is taken back.")


def _instant(text: str | None) -> Instant | None:
    from tieout.kernel.instant import parse_instant

    return None if text is None else parse_instant(text)


def _say_view(view: WalletView) -> None:
    from tieout.kernel.instant import format_instant

    for amount in view.balances:
        say(
            f"{view.customer} holds {grouped(amount.decimal_text)} {amount.currency} "
            f"at {format_instant(view.at)}"
        )
    columns = ("grant", "kind", "priority>", "effective", "expires", "for", "granted>", "left>", "currency")
    if view.grants:
        say(table(columns, [_grant_cells(each) for each in view.grants], title="Grants, first to burn first"))
    if view.movements:
        say(movement_table(view.movements))


def movement_table(movements: Sequence[Movement]) -> Table:
    """Movements in the order given."""
    columns = ("effective", "movement", "account", "amount>", "recorded", "by", "reason")
    return table(columns, [_movement_cells(each) for each in movements], title="Movements")


def _grant_cells(held: HeldGrant) -> list[str]:
    from tieout.balance.grant import WALLET
    from tieout.kernel.instant import format_instant
    from tieout.kernel.money import Money

    found = held.grant
    return [
        found.account.removeprefix(WALLET),
        found.kind.value,
        str(found.priority),
        format_instant(found.effective_at),
        "never" if found.expires_at is None else format_instant(found.expires_at),
        ", ".join((*found.prices, *found.plans)) or "everything",
        grouped(found.amount.decimal_text),
        grouped(Money(held.left, found.amount.currency).decimal_text),
        found.amount.currency.code,
    ]


def _movement_cells(movement: Movement) -> list[str]:
    from tieout.kernel.instant import format_instant

    recorded = movement.recorded_at
    return [
        format_instant(movement.effective_at),
        movement.kind.value,
        movement.account,
        f"{grouped(movement.amount.decimal_text)} {movement.amount.currency}",
        "by the next close" if recorded is None else format_instant(recorded),
        movement.person or "",
        movement.reason,
    ]


def _grant_json(found: Grant) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    return {
        "id": found.id,
        "customer": found.customer,
        "amount": found.amount.decimal_text,
        "currency": found.amount.currency.code,
        "kind": found.kind.value,
        "priority": found.priority,
        "effective_at": format_instant(found.effective_at),
        "expires_at": None if found.expires_at is None else format_instant(found.expires_at),
        "prices": list(found.prices),
        "plans": list(found.plans),
    }


def _view_json(view: WalletView) -> Json:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.money import Money

    return {
        "customer": view.customer,
        "at": format_instant(view.at),
        "balances": [{"currency": each.currency.code, "amount": each.decimal_text} for each in view.balances],
        "grants": [
            {**_grant_json(each.grant), "left": Money(each.left, each.grant.amount.currency).decimal_text}
            for each in view.grants
        ],
        "movements": [movement_json(each) for each in view.movements],
    }


def movement_json(movement: Movement) -> Json:
    """One movement; `recorded_at` is null for an expiry that no close has recorded yet."""
    from tieout.kernel.instant import format_instant

    recorded = movement.recorded_at
    return {
        "id": movement.id,
        "account": movement.account,
        "kind": movement.kind.value,
        "amount": movement.amount.decimal_text,
        "currency": movement.amount.currency.code,
        "effective_at": format_instant(movement.effective_at),
        "recorded_at": None if recorded is None else format_instant(recorded),
        "invoice": movement.invoice,
        "by": movement.person,
        "reason": movement.reason,
    }
