"""A month ends while a draft waits: asked for expressly, the trial balance and the exports show what its seal
would post, marked as proposed; nothing of it is in the ledger."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Transaction

from tests.reviewed_home import AFTER_THE_WINDOW, DRAFTED_AT, close_at, make_reviewed_home
from tests.small_home import call, ingest
from tests.surface.conftest import in_process
from tests.surface.test_ledger_exports import CHECKS, hledger
from tieout.flows.close_periods import close
from tieout.flows.drafts import list_drafts
from tieout.flows.export_ledger import NothingProposed, export_ledger
from tieout.flows.ledger import lock_month
from tieout.flows.waiting_entries import waiting_drafts
from tieout.gateways.clock import SteppedClock
from tieout.ledger.balances import EVERYTHING
from tieout.wiring import Home

Waiting = tuple[Home, SteppedClock, Path]
FORMATS = ("hledger", "beancount", "csv", "csv-quickbooks", "csv-xero", "csv-datev-like")


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    """Ten calls of acme in January, drafted on 3 February and waiting until the sixth."""
    home, clock = make_reviewed_home(tmp_path / "home")
    with home:
        ingest(home, [call(n, "acme", f"2026-01-{n + 1:02}T12:00:00Z", tokens=100) for n in range(10)])
        close(home, as_of=DRAFTED_AT)
        yield home, clock, tmp_path


def exported(home: Home, name: str, out: Path, *, with_proposed: bool = True) -> str:
    export_ledger(home, name, out, since=None, until=None, with_proposed=with_proposed)
    return out.read_text()


def test_the_trial_balance_of_a_months_end_shows_what_waits_only_if_asked(
    waiting: Waiting,
) -> None:
    home, clock, _ = waiting
    month = ("ledger", "trial-balance", "--home", str(home.folder), "--period", "2026-01", "--json")
    assert in_process(*month).json == {"accounts": [], "differences": {}}
    asked = in_process(*month, "--with-proposed").json
    assert asked["accounts"] == [], "what is posted stays apart"
    (draft,) = asked["proposed"]["drafts"]
    assert (draft["invoice"], draft["customer"]) == (list_drafts(home)[0].draft.invoice, "acme")
    proposed = {each["account"]: Fraction(each["balance"]) for each in asked["proposed"]["accounts"]}
    together = {each["account"]: Fraction(each["balance"]) for each in asked["proposed"]["with_proposed"]}
    assert together == proposed and proposed["unbilled-receivable"] > 0 and sum(proposed.values()) == 0
    words = in_process("ledger", "trial-balance", "--home", str(home.folder), "--with-proposed")
    assert "proposed" in words.out and "1 draft that waits" in words.err
    close_at(home, clock, AFTER_THE_WINDOW)
    after = in_process(*month, "--with-proposed").json
    assert after["proposed"]["drafts"] == []
    assert {each["account"]: Fraction(each["balance"]) for each in after["accounts"]} == proposed


def test_what_would_be_booked_in_a_locked_month_is_shown_in_the_open_one(waiting: Waiting) -> None:
    home, _, _ = waiting
    lock_month(home, "2026-01", person="Fay", reason="reported")
    (found,) = waiting_drafts(home, EVERYTHING)
    assert {each.accounting_period for each in found.entries} == {"2026-02"}


@pytest.mark.parametrize("name", FORMATS)
def test_exports_without_the_option_have_nothing_of_it_and_with_it_say_so(
    waiting: Waiting, name: str
) -> None:
    home, clock, folder = waiting
    plain = exported(home, name, folder / "plain", with_proposed=False)
    marked = exported(home, name, folder / "marked")
    assert "PROPOSED:" not in plain and "PROPOSED:" in marked
    close_at(home, clock, AFTER_THE_WINDOW)
    assert exported(home, name, folder / "after") == exported(
        home, name, folder / "posted", with_proposed=False
    )


def test_focus_has_no_entries_to_propose(waiting: Waiting) -> None:
    home, _, folder = waiting
    with pytest.raises(NothingProposed):
        exported(home, "focus", folder / "focus")
    assert not (folder / "focus").exists()


def test_the_real_programs_accept_what_is_proposed_and_tell_it_apart(waiting: Waiting) -> None:
    home, _, folder = waiting
    file = folder / "ledger.hledger"
    exported(home, "hledger", file)
    hledger(file, *CHECKS)
    rows = csv.reader(io.StringIO(hledger(file, "balance", "-O", "csv", "--flat", "-N", "--cleared")))
    assert list(rows)[1:] == [], "nothing is posted"
    assert "unbilled-receivable" in hledger(file, "print", "--pending")
    file = folder / "ledger.beancount"
    exported(home, "beancount", file)
    check = str(Path(sys.executable).with_name("bean-check"))
    ran = subprocess.run([check, str(file)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    found = [each for each in loader.load_file(str(file))[0] if isinstance(each, Transaction)]
    assert found and all((each.flag, each.tags) == ("!", frozenset({"proposed"})) for each in found)
