"""Targets that customers set for themselves: guarded as they are set, and few mailboxes are written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.own_home import ALERT, BY_KEY, MAIL, mailbox, own_home, webhook
from tests.ruled_home import send
from tests.small_home import call
from tieout.contract.own_target import ROOT_SECRET, verification_code
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.notices import TargetNotReady, change_egress, resend
from tieout.flows.own_changes import (
    MAILBOXES_PER_DAY_MAX,
    OwnRefused,
    TooManySettings,
    remove_own,
    set_alert,
    set_budget,
)
from tieout.flows.own_targets import set_target, verify_target
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.ports.own_settings import SettingKind
from tieout.wiring import open_home

ACME = CustomerId("acme")


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://127.0.0.1/", "https://[64:ff9b::a00:1]/", "https://example.com:22/"],
)
def test_targets_are_guarded_as_they_are_set(tmp_path: Path, url: str) -> None:
    home, _ = own_home(tmp_path / "home")
    with home:
        change_egress(home, allow_private=False, ports=None, customers_private=False)
        with pytest.raises(OwnRefused, match="url"):
            set_target(home, "acme", "hook", webhook(url), BY_KEY)
        change_egress(home, allow_private=True, ports=[22])  # for receivers of the operator's own
        with pytest.raises(OwnRefused, match="url"):
            set_target(home, "acme", "hook", webhook(url), BY_KEY)
        change_egress(home, allow_private=False, ports=None)
        with pytest.raises(OwnRefused, match="operator"):
            set_target(home, "acme", "mail", mailbox("a@example.com"), BY_KEY)


def test_few_mailboxes_are_written_to_in_a_day(tmp_path: Path) -> None:
    """Each that is named gets a mail, and may be a stranger's."""
    home, clock = own_home(tmp_path / "home", mail_port=2525)
    with home:
        for number in range(MAILBOXES_PER_DAY_MAX):
            set_target(home, "acme", "mail", mailbox(f"a{number}@example.com"), BY_KEY)
        with pytest.raises(TooManySettings, match="10 changes of mailboxes in 24 hours"):
            set_target(home, "acme", "mail", mailbox("stranger@example.com"), BY_KEY)
        set_target(home, "acme", "hook", webhook("https://example.com/x"), BY_KEY)
        set_target(home, "birch", "mail", mailbox("b@example.com"), BY_KEY)
        clock.set_to(Instant(clock.now() + 24 * HOUR_MICROSECONDS))
        set_target(home, "acme", "mail", mailbox("later@example.com"), BY_KEY)


def test_nothing_is_sent_again_to_a_mailbox_that_has_not_answered(tmp_path: Path) -> None:
    """It is refused as it is asked for; the question itself may be sent again."""
    home, clock = own_home(tmp_path / "home", mail_port=2525)
    with home:
        made = set_target(home, "acme", "mail", mailbox("a@example.com"), BY_KEY).target
        set_alert(home, "acme", "big", ALERT, BY_KEY)
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=400))
        look_to_head(home)
        asked, told = (each.notice for each in home.books.notices.unrouted(100))
        with pytest.raises(TargetNotReady, match="notice own verify mail CODE --customer acme"):
            resend(home, told.id, target="@acme/mail")
        resend(home, asked.id, target="@acme/mail")
        (root,) = home.secrets.valid(ROOT_SECRET, now=clock.now())
        verify_target(home, "acme", "mail", verification_code(root, ACME, "mail", made.version), BY_KEY)
        resend(home, told.id, target="@acme/mail")
        sent = home.books.notices.messages(notice=None, target="@acme/mail", limit=9)
        assert sorted(each.notices for each in sent) == sorted([(asked.id,), (told.id,)])
        apply_catalog(home, without_a_carrier(tmp_path))
        with pytest.raises(TargetNotReady, match="carries_customers"):
            resend(home, told.id, target="@acme/mail")


def without_a_carrier(folder: Path) -> Path:
    text = MAIL.format(port=2525).replace("version = 1", "version = 2").replace("2026-01-01", "2026-01-02")
    (folder / "mail.toml").write_text(text.replace("carries_customers = true\n", ""))
    return folder / "mail.toml"


def test_what_a_clock_ahead_recorded_is_read_by_the_next_look(tmp_path: Path) -> None:
    """The books' order says that it stands; its instant, by another machine's clock, has not come yet."""
    home, clock = own_home(tmp_path / "home")
    with home:
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=400))
        look_to_head(home)
        goes_ahead = SteppedClock(Instant(clock.now() + HOUR_MICROSECONDS))
        with open_home(tmp_path / "home", clock=goes_ahead) as ahead:
            set_budget(ahead, "acme", {"amount": "5.00"}, BY_KEY)
            set_alert(ahead, "acme", "big", ALERT, BY_KEY)
            spent = {"watch": "exposure", "percent_of": "budget", "at": ["100"]}
            set_alert(ahead, "acme", "spent", spent, BY_KEY)
        (report,) = look_to_head(home, everyone=False, also=frozenset([ACME]))
        assert {(each.rule.key, str(each.threshold)) for each in report.changes} == {
            ("big", "300"),
            ("spent", "100"),
        }
        with open_home(tmp_path / "home", clock=goes_ahead) as ahead:
            remove_own(ahead, "acme", SettingKind.ALERT, "big", BY_KEY)
        send(home, clock, call(2, "acme", "2026-01-11T12:00:00Z", tokens=400))
        (report,) = look_to_head(home, everyone=False)
        assert report.changes == (), "it was taken back"
        assert verify_books(home).findings == ()
