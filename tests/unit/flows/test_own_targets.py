"""Targets that customers set for themselves: guarded as they are set, and few mailboxes are written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.own_home import BY_KEY, mailbox, own_home, webhook
from tieout.flows.notices import change_egress
from tieout.flows.own_changes import MAILBOXES_PER_DAY_MAX, OwnRefused, TooManySettings
from tieout.flows.own_targets import set_target
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant


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
