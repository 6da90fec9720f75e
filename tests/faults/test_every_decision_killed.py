"""Whatever people decide that is written to the books is killed before and after each of its transactions: it
is there whole or not at all, and where it is not, deciding it again makes it so.
"""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, table

from tests.disputes import name_three, number_of
from tests.disputes import opened as opened_dispute
from tests.faults.close_laws import broken_papers, documents_of
from tests.faults.closers import Closers, closers_started
from tests.faults.decider import VERBS, decide, latest
from tests.faults.harness import tally
from tests.faults.test_corrections_killed import ACME, FEBRUARY_10, LATE, SENT
from tests.reviewed_home import DRAFTED_AT, IN_THE_WINDOW, make_reviewed_home
from tests.small_home import FEBRUARY_3, POLICY, ZONES, call, ingest, make_home
from tests.unit.flows.test_cycle_ties import state
from tieout.contract.policy import signer_role
from tieout.flows.close_periods import close
from tieout.flows.correct import preview
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.policy import policies
from tieout.flows.waivers import propose_waiver, write_waiver_request
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.wiring import open_home

PASSED_MAX = 12
ATTEMPTS = {"close_run", "close_outcome", "log_head", "log_head_signature", "folio"}
"""What tells of tries, of which there may be more than one: each has a run, and a run that seals a head; and
each transaction has a folio, however many it took."""
STEPS = ("books-before-commit", "books-after-commit")
SEALED: dict[str, tuple[str, ...]] = {
    "credit": ("{number}", "1"),
    "void": ("{number}",),
    "pay": ("{number}", "12.85"),
    "preview": (),
    "approve": ("{report}",),
    "grant": (),
    "lock": ("2026-01",),
    "propose-entry": ("second",),
    "decide-entry": ("first",),
    "add-line": ("2026-02-05T00:00:00Z", "-6.00"),
    "decide-line": (),
    "waive": ("gateway", "jan"),
    "sign-waiver": ("{papers}/waiver.signature",),
    "register": ("{papers}/gus.pub",),
    "propose-policy": ("{papers}/next.toml",),
    "apply": ("{papers}/subject.toml",),
    "make-api-key": (),
    "name-owners": (),
    "open-dispute": ("{cedar}",),
    "isolate": (),
    "uphold": (),
    "narrow": (),
    "expect": (),
    "override": (),
    "export-head": (),
    "pack": ("{number}",),
}
REVIEWED: dict[str, tuple[str, ...]] = {
    "note": (),
    "object-to": (),
    "approve-draft": (),
    "redraft": (),
    "approve-delta": (),
}


@dataclass(frozen=True)
class Ready:
    """Homes where each decision can be made, by name, and what stands for the names in `SEALED`."""

    folders: dict[str, Path]
    words: dict[str, str]


@pytest.fixture(scope="module")
def closers() -> Iterator[Closers]:
    with closers_started() as started:
        yield started


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tmp_path_factory.mktemp("ready")
    words = sealed_home(folder / "sealed")
    home, clock = make_reviewed_home(folder / "reviewed", customers=tuple(ZONES))
    with home:
        ingest(home, SENT)
        close(home, as_of=DRAFTED_AT)
        clock.set_to(IN_THE_WINDOW)
        ingest(home, [call(9001, "acme", "2026-01-05T00:00:00Z", tokens=900)], "late.ndjson")
        shutil.copytree(folder / "reviewed", folder / "redrafted")
    with open_home(folder / "redrafted", clock=SteppedClock(IN_THE_WINDOW)) as redrafted:
        decide(redrafted, "redraft")
        assert latest(redrafted).delta is not None
    return Ready({name: folder / name for name in ("sealed", "reviewed", "redrafted")}, words)


def sealed_home(folder: Path) -> dict[str, str]:
    """January is sealed; an event came late, a total differs, a line and an entry wait for somebody."""
    home, clock = make_home(folder, now=FEBRUARY_3)
    papers = folder / "papers"
    with home:
        ingest(home, SENT)
        close(home, as_of=clock.now())
        clock.set_to(FEBRUARY_10)
        ingest(home, LATE, "late.ndjson")
        late = preview(home, person="Ann", reason="a queue was stuck", customers=(ACME,))
        decide(home, "propose-entry", "first")
        decide(home, "add-line", "2026-02-05T00:00:00Z", "-5.00")
        state(home, len(SENT) + 9)
        waiver = propose_waiver(home, "gateway", "jan", by="Dana", reason="lost")
        write_waiver_request(home, waiver.proposed.digest, papers / "waiver.json")
        sign_request(
            papers / "waiver.json",
            private_key=papers / "finance.key",
            role=signer_role("finance"),
            person="Bram",
            out=papers / "waiver.signature",
        )
        generate_key(papers / "gus.key", papers / "gus.pub")
        (papers / "subject.toml").write_text(SUBJECT)
        (policy,) = [each.policy for each in policies(home)]
        later = POLICY.replace("version = 1", "version = 2").replace("2025-12-01", "2026-03-01")
        (papers / "next.toml").write_text(f'{later}predecessor_digest = "{policy.digest}"\n')
        disputed = dispute_of_birch(home)
        (row,) = list_invoices(home, ACME)
        assert row.number is not None and late.digest is not None
        return {"number": row.number, "report": late.digest, "papers": str(papers), "cedar": disputed}


def dispute_of_birch(home: Home) -> str:
    """It is open, and the number of cedar's invoice, which is not disputed."""
    home.installation_key.create()
    name_three(home)
    opened_dispute(home, line="1", customer=CustomerId("birch"), amount="4.00")
    return number_of(home, CustomerId("cedar"))


SUBJECT = """
[[subject]]
subject = "key-acme-2"
customer = "acme"
from = 2026-03-01T00:00:00Z
"""
Counts = dict[str, int]


def counts(folder: Path, now: Instant) -> Counts:
    """How many rows each table of the books has, all of them in folios; attempts apart."""
    with open_home(folder, clock=SteppedClock(now)) as home:
        assert not [*home.books.folios.findings()]
        engine = home.books.engine  # type: ignore[attr-defined] # tests look behind the port
        with engine.connect() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table(name))).scalar_one()
                for name in inspect(connection).get_table_names()
                if name not in ATTEMPTS
            }


def opened(folder: Path, now: Instant) -> Home:
    return open_home(folder, clock=SteppedClock(now))


@dataclass(frozen=True)
class Asked:
    """A decision where it can be made, the order that makes it, and the books before it and after it."""

    home: Path
    now: Instant
    order: dict[str, object]
    before: Counts
    whole: Counts


@pytest.fixture(scope="module")
def asked(ready: Ready, closers: Closers, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Asked]:
    """By verb: each is decided undisturbed once, whatever kills it afterwards."""

    @cache
    def undisturbed(verb: str) -> Asked:
        name = "sealed" if verb in SEALED else "redrafted" if verb == "approve-delta" else "reviewed"
        now = FEBRUARY_10 if verb in SEALED else IN_THE_WINDOW
        words = [verb, *(word.format(**ready.words) for word in {**SEALED, **REVIEWED}[verb])]
        order: dict[str, object] = {"decide": words, "now": [int(now)]}
        folder = tmp_path_factory.mktemp("undisturbed") / "home"
        shutil.copytree(ready.folders[name], folder)
        before = counts(folder, now)
        assert closers.close(folder, **order) == 0
        return Asked(ready.folders[name], now, order, before, counts(folder, now))

    return undisturbed


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("verb", [*SEALED, *REVIEWED])
def test_a_decision_killed_at_any_transaction_is_there_whole_or_not_at_all(
    asked: Callable[[str], Asked], closers: Closers, tmp_path: Path, verb: str, step: str
) -> None:
    told = asked(verb)
    assert told.whole != told.before, "it writes something"
    for passed in range(1, PASSED_MAX):
        folder = tmp_path / f"home-{passed}"
        shutil.copytree(told.home, folder)
        with opened(folder, told.now) as home:
            sealed = documents_of(home)
        code = closers.close(folder, crash_at=f"{step}:{passed}", **told.order)
        if code == 0:
            assert passed > 1, "every decision is a transaction of the books"
            return
        assert code == -signal.SIGKILL
        left = counts(folder, told.now)
        if (passed, step) == (1, "books-before-commit"):
            assert left == told.before
        with opened(folder, told.now) as home:
            assert broken_papers(home, sealed_before=sealed) == []
        if left != told.whole:
            assert closers.close(folder, **told.order) == 0
            assert counts(folder, told.now) == told.whole
        with opened(folder, told.now) as home:
            assert broken_papers(home, sealed_before=sealed) == []
        tally.injected()
    raise AssertionError(f"{verb} has more than {PASSED_MAX} transactions")


def test_every_decision_of_the_decider_is_killed_here() -> None:
    assert {*SEALED, *REVIEWED} == set(VERBS)


def test_every_write_to_the_books_passes_the_point_where_it_is_killed() -> None:
    """`writing` is the one door: nobody else begins a write transaction, the making of books apart."""
    store = Path(__file__).parents[2] / "src" / "tieout" / "store" / "books"
    others = {
        path.name
        for path in store.glob("*.py")
        if re.search(r"begin_immediate\(|\.begin\(", path.read_text())
    }
    assert others == {"writing.py"}
