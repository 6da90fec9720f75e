"""A scratch home with a clock of its own: stepped through months, closed on the way, never back."""

from __future__ import annotations

import os
from datetime import date
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy.exc import DBAPIError

from tests.scratch_home import ANNIVERSARY, JANUARY_31, scratch
from tests.small_home import CUSTOMER, call, ingest, make_home
from tieout.close.calendar import BillingCalendar
from tieout.close.outcome import Sealed
from tieout.flows import due_accounts
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.build_pack import build_pack
from tieout.flows.check_health import doctor
from tieout.flows.close_periods import CloseReport, close
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.policy import policies
from tieout.flows.readiness import set_level
from tieout.flows.step_clock import NoTestClock, Stepped, coming, own_clock, step_clock, target
from tieout.gateways.clock import SteppedClock
from tieout.gateways.rehearsal import NoPost
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, OutsideCalendar
from tieout.kernel.clock_step import ClockStep, parse_step
from tieout.kernel.errors import ConflictError, TieoutError
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.readiness.level import Level
from tieout.store.books import test_clock as stored_clock
from tieout.store.books.schema import meta
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.store.stores import ForeignClock
from tieout.wiring import Home, create_home, open_home


def stepped(
    home: Home, step: str, *, closing: bool = False, told: list[CloseReport] | None = None
) -> Stepped:
    wanted: ClockStep | Instant = parse_instant(step) if "T" in step else parse_step(step)
    reading = own_clock(home).reading()
    to, day = target(reading, wanted)
    heard = [] if told is None else told
    return step_clock(home, reading, to=to, anchor_day=day, closing=closing, told=heard.append)


# fee + 0.015 a call + 2 per 1,000 tokens below 5,000, each line settled by itself, by hand
PERIODS = (
    ("2024-01-31T00:00:00Z", "2024-02-29T00:00:00Z", "12.03"),  # 10.00 + 0.03 + 2.00
    ("2024-02-29T00:00:00Z", "2024-03-31T00:00:00Z", "11.02"),  # 10.00 + 0.015 -> 0.02 + 1.00
    ("2024-03-31T00:00:00Z", "2024-04-30T00:00:00Z", "11.42"),  # 10.00 + 0.015 -> 0.02 + 1.40
)
ARRIVED = (
    [("2024-01-31T00:00:00Z", 500), ("2024-02-28T23:59:59Z", 500)],
    [("2024-02-29T00:00:00Z", 500)],
    [("2024-04-29T23:59:59.999999Z", 700)],
)


def test_three_months_are_stepped_and_each_is_billed_on_its_anchor(tmp_path: Path) -> None:
    with scratch(tmp_path / "home") as home:
        number = 0
        for (start, end, total), arrived in zip(PERIODS, ARRIVED, strict=True):
            came = stepped(home, "1mo")
            assert format_instant(home.clock.now()) == format_instant(came.now) == end
            assert [(format_instant(due.period.start), due.is_new) for due in came.due] == [(start, True)]
            events = []
            for time, tokens in arrived:
                number += 1
                events.append(call(number, "acme", time, tokens=tokens))
            ingest(home, events, f"{end[:10]}.ndjson")
            report = close(home, as_of=home.clock.now())
            assert [type(outcome) for _, _, outcome in report.outcomes] == [Sealed]
            (row,) = (
                row for row in list_invoices(home, customer=None) if format_instant(row.period.end) == end
            )
            assert row.total.decimal_text == total
            assert f'"issued_at":"{end}"'.encode() in show_invoice(home, row.id).document.replace(b" ", b"")
        assert len(list_invoices(home, customer=None)) == 3
        (line,) = (line for line in doctor(home) if line.name == "test clock")
        assert line.ok and "2024-04-30T00:00:00Z" in line.detail


def test_closing_on_the_way_dates_each_invoice_when_it_became_due(tmp_path: Path) -> None:
    policy = ANNIVERSARY.replace("grace_hours = 0", "grace_hours = 12")
    told: list[CloseReport] = []
    with scratch(tmp_path / "home", policy) as home:
        done = stepped(home, "2024-05-02T00:00:00Z", closing=True, told=told)
        stops = ["2024-02-29T12:00:00Z", "2024-03-31T12:00:00Z", "2024-04-30T12:00:00Z"]
        assert [format_instant(report.as_of) for report in told] == stops
        assert done.closes == tuple(told)
        assert not done.due
        assert done.next_at == parse_instant("2024-05-31T12:00:00Z")
        rows = list_invoices(home, customer=None)
        assert [format_instant(row.period.end)[:10] for row in rows] == [
            "2024-02-29",
            "2024-03-31",
            "2024-04-30",
        ]
        for row, stop in zip(rows, stops, strict=True):
            assert f'"issued_at":"{stop}"'.encode() in show_invoice(home, row.id).document.replace(b" ", b"")
        again = stepped(home, "2024-05-02T00:00:00Z", closing=True)
        assert not again.closes and len(list_invoices(home, customer=None)) == 3


def test_a_step_that_was_interrupted_goes_on_to_the_same_months(tmp_path: Path) -> None:
    def interrupted(_report: CloseReport) -> None:
        raise KeyboardInterrupt

    with scratch(tmp_path / "home") as home:
        reading = own_clock(home).reading()
        to, day = target(reading, parse_step("2mo"))
        with pytest.raises(KeyboardInterrupt):
            step_clock(home, reading, to=to, anchor_day=day, closing=True, told=interrupted)
        assert format_instant(home.clock.now()) == "2024-02-29T00:00:00Z"
        assert not stepped(home, "2024-02-29T00:00:00Z", closing=True).closes
        assert format_instant(stepped(home, "1mo", closing=True).now) == format_instant(to)
        assert format_instant(stepped(home, "2024-04-30T00:00:00Z").now) == "2024-04-30T00:00:00Z"
        assert format_instant(stepped(home, "1mo").now) == "2024-05-31T00:00:00Z"
        stepped(home, "2024-06-15T00:00:00Z")
        assert format_instant(stepped(home, "1mo").now) == "2024-07-15T00:00:00Z"


def test_what_was_due_before_is_told_apart_and_what_cannot_be_billed_says_why(tmp_path: Path) -> None:
    with scratch(tmp_path / "home") as home:
        stepped(home, "1mo")
        came = stepped(home, "1mo")
        assert [(format_instant(due.period.end)[:10], due.is_new) for due in came.due] == [
            ("2024-02-29", False),
            ("2024-03-31", True),
        ]
    unsigned = create_home(tmp_path / "unsigned", test_clock=JANUARY_31)
    with unsigned:
        apply_catalog(unsigned, tmp_path / "home" / "papers" / "catalog.toml")
        (due,) = stepped(unsigned, "1mo").due
        assert due.parked == "no signed policy governs this period"


def test_who_is_not_on_the_list_of_a_narrow_level_does_not_come_due(tmp_path: Path) -> None:
    with scratch(tmp_path / "home") as home:
        file = home.folder / "birch.toml"
        birch = CUSTOMER.format(key="birch", zone="UTC", start="2024-01-31T00:00:00Z")
        file.write_text(birch.replace("2025-01-01", "2024-01-01").replace("2025-12-31", "2024-01-31"))
        apply_catalog(home, file)
        set_level(home, Level.NARROW, ("birch",), person="Dana", reason="launch")
        (due,) = stepped(home, "1mo").due
        assert due.customer == "birch"
        done = stepped(home, "2024-03-01T00:00:00Z", closing=True)
        assert done.due == () and [row.customer for row in list_invoices(home, None)] == ["birch"]
        assert not stepped(home, "2024-03-02T00:00:00Z", closing=True).closes


def test_every_process_that_has_the_home_open_follows(tmp_path: Path) -> None:
    with scratch(tmp_path / "home") as home, open_home(tmp_path / "home") as other:
        stepped(home, "10d")
        assert other.clock.now() == home.clock.now() == parse_instant("2024-02-10T00:00:00Z")
        assert policies(other)[0].in_force_from == JANUARY_31
        inherited = home.clock.now()
        child = os.fork()
        if child == 0:
            os._exit(0 if home.clock.now() == inherited else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_it_never_goes_back_and_never_moves_from_where_it_is_not(tmp_path: Path) -> None:
    with scratch(tmp_path / "home") as home:
        clock = own_clock(home)
        old = clock.reading()
        with pytest.raises(ConflictError, match="never goes back"):
            stepped(home, "2024-01-30T23:59:59.999999Z")
        stepped(home, "1d")
        with pytest.raises(ConflictError, match="Somebody stepped"):
            clock.step(old, to=parse_instant("2024-03-01T00:00:00Z"), anchor_day=1)
        assert format_instant(clock.now()) == "2024-02-01T00:00:00Z"


def test_a_real_home_has_none_and_never_gets_one(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    with home:
        assert home.test_clock is None
        assert "testclock" not in home.home_id
        with pytest.raises(NoTestClock):
            stepped(home, "1mo")
    engine = open_engine(tmp_path / "home" / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        stored_clock.start_clock(connection, JANUARY_31)
    engine.dispose()
    with pytest.raises(ForeignClock):
        open_home(tmp_path / "home")


def test_a_scratch_home_stays_one_whatever_clock_it_is_opened_with(tmp_path: Path) -> None:
    scratch(tmp_path / "home").close()
    with open_home(tmp_path / "home", clock=SteppedClock(parse_instant("2030-01-01T00:00:00Z"))) as home:
        assert home.clock.now() == JANUARY_31
        assert "testclock" in home.home_id
    engine = open_engine(tmp_path / "home" / "books.db", schema="books")
    with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
        connection.execute(meta.delete().where(meta.c.name.startswith(stored_clock.ROW)))
    engine.dispose()


def test_it_tells_nobody_anything_and_signs_with_no_key_of_a_real_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEOUT_EVIDENCE_KEY", str(tmp_path / "real.key"))
    with scratch(tmp_path / "home") as home:
        assert isinstance(home.post, NoPost)
        assert home.installation_key.place == str(tmp_path / "home" / "evidence.key")
    with create_home(tmp_path / "real") as real:
        assert not isinstance(real.post, NoPost)
        assert real.installation_key.place == str(tmp_path / "real.key")


def test_an_evidence_pack_of_it_says_so_to_people_and_in_its_manifest(tmp_path: Path) -> None:
    with scratch(tmp_path / "home") as home:
        stepped(home, "1mo", closing=True)
        home.installation_key.create()
        (row,) = list_invoices(home, customer=None)
        built = build_pack(home, row.id)
        with ZipFile(BytesIO(built.content)) as pack:
            assert b"TEST CLOCK" in pack.read("index.html")
            assert f'"home":"{home.home_id}"' in pack.read("manifest.json").decode().replace(" ", "")
        assert home.home_id.startswith("home_testclock_")


def test_an_interrupted_init_is_not_finished_as_the_other_kind(tmp_path: Path) -> None:
    scratch(tmp_path / "home").close()
    for file in (tmp_path / "home").glob("books.db*"):
        file.unlink()
    with pytest.raises(ForeignClock):
        create_home(tmp_path / "home")
    with create_home(tmp_path / "home", test_clock=JANUARY_31) as home:
        assert home.clock.now() == JANUARY_31


def test_postgresql_keeps_it_as_well(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    with scratch(tmp_path / "home") as home:
        done = stepped(home, "2mo", closing=True)
        assert [format_instant(row.period.end)[:10] for row in list_invoices(home, customer=None)] == [
            "2024-02-29",
            "2024-03-31",
        ]
        assert format_instant(done.now) == "2024-03-31T00:00:00Z"
        with pytest.raises(ConflictError, match="never goes back"):
            stepped(home, "2024-01-31T00:00:00Z")
    with open_home(tmp_path / "home") as home:
        assert format_instant(home.clock.now()) == "2024-03-31T00:00:00Z"


@pytest.mark.parametrize("closing", [False, True])
@pytest.mark.parametrize(
    "to", ["0001-01-01T00:00:00Z", "2024-01-30T23:59:59Z", "2124-02-01T00:00:00Z", "9999-12-31T23:59:59Z"]
)
def test_a_refused_step_moves_nothing(tmp_path: Path, to: str, closing: bool) -> None:
    """Not even the day from which months clamp."""
    with scratch(tmp_path / "home") as home:
        clock = own_clock(home)
        before = clock.reading()
        with pytest.raises(TieoutError):
            target(before, parse_instant(to))
        with pytest.raises(TieoutError):
            step_clock(home, before, to=parse_instant(to), anchor_day=1, closing=closing, told=[].append)
        assert clock.reading() == before and before.anchor_day == 31
        assert not list_invoices(home, customer=None)


def test_what_comes_due_on_the_way_is_told_beforehand(tmp_path: Path) -> None:
    with scratch(tmp_path / "home") as home:
        assert coming(home, to=JANUARY_31) == (0, 0)
        assert coming(home, to=parse_instant("2024-05-01T00:00:00Z")) == (3, 1)
        assert len(stepped(home, "2024-05-01T00:00:00Z", closing=True).closes) == 3


def test_an_account_that_cannot_be_planned_is_told_and_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_given: object) -> BillingCalendar:
        raise OutsideCalendar(Anchor(Cadence.MONTHLY, "UTC", date(2024, 1, 31)), 99_999)

    with scratch(tmp_path / "home") as home:
        monkeypatch.setattr(due_accounts, "calendar_of", refused)
        (due,) = stepped(home, "1d").due
        assert (due.customer, due.period, due.is_new) == ("acme", None, False)
        assert "leaves the calendar" in (due.parked or "")
