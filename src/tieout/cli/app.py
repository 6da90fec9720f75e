"""The table of verbs, and the one place where a refusal becomes a line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tieout.cli import (
    alert,
    budget,
    catalog,
    clock,
    close,
    commitment,
    compact,
    correction,
    customer,
    dispute,
    doctor,
    draft,
    entitlements,
    events,
    evidence,
    exposure,
    hold,
    index,
    init,
    invoice,
    key,
    ledger,
    notice,
    payment,
    pipeline,
    policy,
    price,
    program,
    quarantine,
    readiness,
    reconcile,
    replay,
    review,
    serve,
    subscription,
    trace,
    trigger,
    usage,
    verify,
    wallet,
)
from tieout.cli.demo import command as demo
from tieout.cli.screen import complain, face, note_face
from tieout.kernel.errors import TieoutError, Unavailable

SHORT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EROFS})
"""The machine cannot do it now: exit code 5. Other refusals of the system are about what was named."""


PIPE_CLOSED = 141
"""Whoever read the output went away, as the shell says it of a signal: 128 + SIGPIPE. It is no difference."""

ORDER = (
    *(
        "demo",
        "init",
        "clock",
        "catalog",
        "program",
        "price",
        "policy",
        "customer",
        "subscription",
        "wallet",
        "commitment",
        "key",
        "serve",
        "ingest",
        "quarantine",
    ),
    *("events", "usage", "exposure", "entitlements", "budget", "alert", "hold", "review", "trigger"),
    *(
        "close",
        "reconcile",
        "draft",
        "invoice",
        "correction",
        "trace",
        "evidence",
        "ledger",
        "payment",
        "dispute",
        "replay",
    ),
    *("readiness", "notice", "compact", "verify", "index", "doctor"),
)


class Verbs(TyperGroup):
    """Lists the verbs in the order of the path, and runs one; an expected failure is one line and a code."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        face(None)
        try:
            return super().invoke(ctx)
        except TieoutError as error:
            complain(str(error))
            raise typer.Exit(error.exit_code) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                _print_nothing_more()
                raise typer.Exit(PIPE_CLOSED) from error
            complain(_os_text(error))
            raise typer.Exit(Unavailable.exit_code if error.errno in SHORT_OF_ROOM else 2) from error
        except Exception as error:
            _leave_if_storage_failed(error)
            raise
        finally:
            note_face()


def _print_nothing_more() -> None:
    """What is still buffered goes nowhere, so that the end of the process does not complain of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave_if_storage_failed(error: Exception) -> None:
    """A database that is damaged (6) or cannot be used now (5) is no defect: one line, and the exit code."""
    from tieout.wiring import storage_failure

    refusal = storage_failure(error)
    if refusal is not None:
        complain(str(refusal))
        raise typer.Exit(refusal.exit_code) from error


def _os_text(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


app = typer.Typer(
    cls=Verbs,
    name="tieout",
    help="Metered billing that ties out: usage in, invoices out, every amount traced to its events.",
    epilog="Exit codes: 0 done, 1 difference, 2 usage, 3 not found, 4 conflict, 5 unavailable, 6 integrity.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from tieout import __version__

        typer.echo(f"tieout {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Metered billing that ties out: usage in, invoices out, every amount traced to its events."""


for verb in (
    init.init,
    demo.demo,
    serve.serve,
    usage.usage,
    exposure.exposure,
    entitlements.entitlements,
    close.close,
    trace.trace,
    compact.compact,
    verify.verify,
    doctor.doctor,
):
    app.command()(verb)
for noun, verbs in (
    ("clock", clock.app),
    ("catalog", catalog.app),
    ("program", program.app),
    ("price", price.app),
    ("policy", policy.app),
    ("customer", customer.app),
    ("subscription", subscription.app),
    ("ingest", pipeline.app),
    ("key", key.app),
    ("quarantine", quarantine.app),
    ("events", events.app),
    ("wallet", wallet.app),
    ("commitment", commitment.app),
    ("budget", budget.app),
    ("alert", alert.app),
    ("hold", hold.app),
    ("review", review.app),
    ("trigger", trigger.app),
    ("draft", draft.app),
    ("invoice", invoice.app),
    ("reconcile", reconcile.app),
    ("correction", correction.app),
    ("evidence", evidence.app),
    ("ledger", ledger.app),
    ("payment", payment.app),
    ("dispute", dispute.app),
    ("replay", replay.app),
    ("readiness", readiness.app),
    ("notice", notice.app),
    ("index", index.app),
):
    app.add_typer(verbs, name=noun)
