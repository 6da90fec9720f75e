"""`tieout notice ...`: what was told to whom, and how that went; targets tried; egress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli import notice_own, notice_secret
from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import note, plain, print_json, say, table

if TYPE_CHECKING:
    from tieout.ports import StoredMessage

app = typer.Typer(
    help="Notices: list, show, log, acknowledge, resend, deliver; try a target; secrets and egress.",
    no_args_is_help=True,
)
app.add_typer(notice_secret.app, name="secret")
app.add_typer(notice_own.app, name="own")
LIMIT_MAX = 500
SHOWN_CHARACTERS = 19
"""Of an id in a table; the verbs take such a beginning for the whole."""

IdArgument = Annotated[str, typer.Argument(help="The notice's id, or its beginning.", show_default=False)]
LimitOption = Annotated[int, typer.Option(help="At most so many.", min=1, max=LIMIT_MAX)]


@app.command("list")
def list_(
    home: HomeOption,
    customer: Annotated[str | None, typer.Option(help="About this customer.", show_default=False)] = None,
    kind: Annotated[str | None, typer.Option(help="Of exactly this kind.", show_default=False)] = None,
    severity: Annotated[
        str | None, typer.Option(help="info, warning or critical.", show_default=False)
    ] = None,
    is_open: Annotated[
        bool | None,
        typer.Option("--open/--acknowledged", help="Of one sort only; both if left out.", show_default=False),
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="The cursor of the page before.", show_default=False)
    ] = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """Notices, the newest first."""
    from tieout.contract.notice_target import Severity
    from tieout.flows.notices import list_notices, recorded_json
    from tieout.kernel.ids import CustomerId
    from tieout.kernel.instant import format_instant
    from tieout.ports import NoticeFilter

    if severity is not None and severity not in tuple(Severity):
        raise MalformedOption("--severity", f"one of {', '.join(Severity)}")
    wanted = NoticeFilter(
        customer=None if customer is None else CustomerId(customer),
        kind=kind,
        severity=None if severity is None else Severity(severity),
        acknowledged=None if is_open is None else not is_open,
    )
    with opened(home) as where:
        page = list_notices(where, wanted, after=after, limit=limit)
    if as_json:
        print_json({"notices": [recorded_json(each) for each in page.notices], "next": page.next})  # type: ignore[dict-item]
        return
    if not page.notices:
        say("There is no such notice." if any((customer, kind, severity, after)) else "There is no notice.")
        return
    rows = [
        [
            *(
                each.notice.id[:SHOWN_CHARACTERS],
                format_instant(each.notice.at),
                each.notice.severity.value,
                each.notice.kind,
            ),
            *(each.notice.customer or "", each.notice.title),
            "" if each.acknowledgement is None else each.acknowledgement.person,
        ]
        for each in page.notices
    ]
    say(table(("id", "at", "severity", "kind", "customer", "title", "acknowledged by"), rows))
    if page.next is not None:
        note(f"More: --after {page.next}")


@app.command()
def show(id: IdArgument, home: HomeOption, as_json: JsonOption = False) -> None:
    """One notice whole, with its messages."""
    import json

    from tieout.flows.notices import delivery_log, find_notice, message_json, recorded_json

    with opened(home) as where:
        recorded, messages = find_notice(where, id), delivery_log(where, id=id)
    said = {**recorded_json(recorded), "messages": [message_json(each) for each in messages]}
    if as_json:
        print_json(said)  # type: ignore[arg-type]
        return
    found = recorded.notice
    say(plain(f"{found.title}\n{found.kind}, {found.severity.value}, customer {found.customer or '-'}"))
    if found.text:
        say(plain(f"\n{found.text}"))
    say(plain(f"\n{json.dumps(said['data'], ensure_ascii=False, indent=2)}"))
    seen = recorded.acknowledgement
    say(plain("not acknowledged" if seen is None else f"acknowledged by {seen.person}: {seen.reason}"))
    _say_messages(messages)


@app.command()
def log(
    home: HomeOption,
    id: Annotated[str | None, typer.Argument(help="A notice's id.", show_default=False)] = None,
    target: Annotated[str | None, typer.Option(help="Messages to this target.", show_default=False)] = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """Messages and every attempt to send them, the newest first."""
    from tieout.flows.notices import delivery_log, message_json

    with opened(home) as where:
        messages = delivery_log(where, id=id, target=target, limit=limit)
    if as_json:
        print_json([message_json(each) for each in messages])  # type: ignore[arg-type]
    else:
        nothing = "There is no message." if target is None else "There is no such message."
        _say_messages(messages, nothing=nothing if id is None else "No message was made of it.")


@app.command()
def ack(
    id: IdArgument, home: HomeOption, by: ByOption, reason: ReasonOption, as_json: JsonOption = False
) -> None:
    """Say that somebody has seen it; nobody else is told of it then."""
    from tieout.flows.notices import acknowledge, acknowledgement_json

    with opened(home) as where:
        given = acknowledge(where, id, by=by, reason=reason)
    if as_json:
        print_json(acknowledgement_json(given))  # type: ignore[arg-type]
    else:
        note(f"Notice {id} is acknowledged by {given.person}.")


@app.command()
def resend(
    id: IdArgument,
    home: HomeOption,
    target: Annotated[str, typer.Option(help="To this target.", show_default=False)],
) -> None:
    """Send it once more, under the same id; `serve` or `notice deliver` carries it."""
    from tieout.flows import notices

    with opened(home) as where:
        notices.resend(where, id, target=target)
    note(f"Notice {id} is due to {target} again.")


@app.command()
def test(
    target: Annotated[str, typer.Argument(help="The target's key.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Send a test to a target now, and say what came of it. Exit code 1: it did not arrive."""
    from tieout.flows.notices import try_target
    from tieout.notice.attempt import Outcome

    with opened(home) as where:
        sent = try_target(where, target)
    if as_json:
        print_json(
            {"target": target, "outcome": sent.outcome.value, "status": sent.status, "detail": sent.detail}
        )
    else:
        say(plain(f"{target}: {sent.outcome.value}: {sent.detail}"))
    if sent.outcome is not Outcome.DELIVERED:
        raise typer.Exit(1)


@app.command()
def deliver(home: HomeOption, as_json: JsonOption = False) -> None:
    """Deliver everything that is due, once. `tieout serve` does so all the time."""
    from tieout.flows.deliver_notices import deliver_due
    from tieout.notice.attempt import Outcome

    with opened(home) as where:
        done = deliver_due(where)
        left = where.books.notices.counts()
    counts = {outcome.value: done.attempts[outcome] for outcome in Outcome}
    from tieout.notice.attempt import MessageState

    waiting = left.of(MessageState.WAITING) + left.of(MessageState.GATHERING)
    told = {"routed": done.routed, "escalated": done.escalated, "given_up": done.given_up, "waiting": waiting}
    if as_json:
        print_json({**told, "attempts": counts})
    else:
        attempts = ", ".join(f"{count} {name}" for name, count in counts.items())
        say(f"{done.routed} routed, {done.escalated} escalated; attempts: {attempts}")
        say(f"{waiting} wait for their time, {done.given_up} given up")
    for failure in done.failures:
        note(f"tieout: {failure}")
    if done.failures:
        raise typer.Exit(done.failures[0].exit_code)


@app.command()
def egress(
    home: HomeOption,
    allow_private: Annotated[
        bool | None,
        typer.Option(
            "--allow-private-targets/--public-targets-only",
            help="Whether loopback and private addresses, plain http and any port are allowed: for tests and "
            "receivers of one's own.",
            show_default=False,
        ),
    ] = None,
    customers_private: Annotated[
        bool | None,
        typer.Option(
            "--allow-private-customer-targets/--public-customer-targets-only",
            help="The same for targets that customers set for themselves: for tests alone, since a customer "
            "could then have your own network called.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        list[int] | None,
        typer.Option(help="A port to allow beside the usual ones; may be repeated.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Where messages may go, as this home allows it; changed by its options, on this machine."""
    from tieout.flows.notices import change_egress, egress_rules

    if any(not 1 <= each <= 65_535 for each in port or ()):
        raise MalformedOption("--port", "1 to 65535")
    with opened(home) as where:
        if allow_private is None and customers_private is None and port is None:
            rules = egress_rules(where)
        else:
            rules = change_egress(
                where, allow_private=allow_private, ports=port, customers_private=customers_private
            )
    if as_json:
        print_json(
            {
                "allow_private_targets": rules.allow_private,
                "allow_private_customer_targets": rules.customers_private,
                "ports": sorted(rules.ports),
            }
        )
        return
    say("private targets are allowed" if rules.allow_private else "public targets only, over https")
    if rules.customers_private:
        say("CUSTOMERS' OWN TARGETS MAY BE PRIVATE TOO: they can have your own network called")
    say(f"ports beside the usual: {', '.join(str(each) for each in sorted(rules.ports)) or 'none'}")


def _say_messages(
    messages: tuple[StoredMessage, ...], *, nothing: str = "No message was made of it."
) -> None:
    from tieout.kernel.instant import format_instant

    if not messages:
        say(nothing)
        return
    columns = ("message", "target", "occasion", "notices", "state", "due or ended", "attempt", "detail")
    rows = []
    for each in messages:
        when = format_instant(each.ended_at or each.due_at)
        head = [str(each.id), each.target, each.occasion, str(len(each.notices)), each.state.value, when]
        rows.append([*head, "", "" if each.attempts else "not tried yet"])
        for attempt in each.attempts:
            said = f"{attempt.outcome.value}: {attempt.detail}"
            rows.append(["", "", "", "", "", format_instant(attempt.ended_at), str(attempt.ordinal), said])
    say(table(columns, rows))
