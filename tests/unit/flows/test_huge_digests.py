"""A digest of very many notices: bounded messages in which every one is told, none slower than the first."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notices import NOON, apply, notice, target
from tests.receivers import receiver
from tieout.flows.deliver_notices import deliver_due
from tieout.flows.notices import change_egress, set_secret
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.notice.attempt import MessageState
from tieout.notice.message import (
    DIGEST_NOTICES_MAX,
    SLACK_CHARACTERS_MAX,
    Letter,
    plain_text,
    slack_body,
    webhook_body,
)
from tieout.notice.notice import DATA_BYTES_MAX, TEXT_BYTES_MAX, TITLE_LENGTH_MAX, Notice
from tieout.ports import NoticeFilter
from tieout.wiring import Home, create_home

MANY = 350
LONG = "&" * TEXT_BYTES_MAX
IDS = re.compile(r"notice_[0-9a-f]{32}")
MAIL = """kind = "email"
address = "ops@example.com"
digest_minutes = 60
[notice_target.server]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "bills@example.com"
"""


def many() -> list[Notice]:
    return [notice(f"n{n}", text=f"Number {n}.") for n in range(MANY)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with create_home(tmp_path / "home", clock=SteppedClock(NOON)) as home:
        change_egress(home, allow_private=True, ports=None)
        yield home


def test_every_notice_is_told_once_in_messages_of_a_hundred(home: Home, tmp_path: Path) -> None:
    with (
        receiver("http", tmp_path / "http") as http,
        receiver("smtp", tmp_path / "smtp") as smtp,
    ):
        set_secret(home, "hook", "whsec_" + "QUJD" * 8, keep_hours=1)
        set_secret(home, "slack", http.url("/ok/slack"), keep_hours=1)
        hook = f'kind = "webhook"\nurl = "{http.url("/ok/hook")}"\nsecret = "hook"\ndigest_minutes = 60'
        said = [target(hook, key="hook"), target(MAIL.format(port=smtp.port), key="mail")]
        said.append(target('kind = "slack"\nsecret = "slack"\ndigest_minutes = 60', key="slack"))
        apply(home, tmp_path / "catalog", "".join(said))
        told = many()
        home.books.notices.record(told, at=NOON)
        assert not deliver_due(home).attempts
        for key in ("hook", "mail", "slack"):
            found = home.books.notices.messages(notice=None, target=key, limit=500)
            assert Counter(len(each.notices) for each in found) == {DIGEST_NOTICES_MAX: 3, 50: 1}
            assert [each.state for each in found].count(MessageState.GATHERING) == 1, (
                "full ones gather no more"
            )
        home.clock.set_to(Instant(NOON + 3_600 * SECOND_MICROSECONDS))  # type: ignore[attr-defined]
        done = deliver_due(home)
        assert (sum(done.attempts.values()), done.failures) == (12, [])
        ids = {each.id for each in told}
        hooks = [each["body"] for each in http.got() if each["path"] == "/ok/hook"]
        of_hooks = Counter(one["id"] for body in hooks for one in json.loads(body)["data"]["notices"])
        mails = [json.dumps(each) for each in smtp.got()]
        of_mails = Counter(one for mail in mails for one in set(IDS.findall(mail)) & ids)
        for each in (of_hooks, of_mails):
            assert set(each) == ids and set(each.values()) == {1}
        slacks = [json.loads(each["body"])["text"] for each in http.got() if each["path"] == "/ok/slack"]
        counts = [int(text.removeprefix("[warning] ").split()[0]) for text in slacks]
        assert sum(counts) == MANY, "where there is no room for words, there is for a count"
        page = home.books.notices.page(NoticeFilter(), after=None, limit=500)
        assert len(page) == MANY, "and all can be listed"


def test_the_longest_digest_is_bounded_on_every_channel() -> None:
    data = json.dumps({"text": "x" * (DATA_BYTES_MAX - 100)}, separators=(",", ":"))
    longest = [
        notice(f"n{n}", title="<" * TITLE_LENGTH_MAX, text=LONG, data=data) for n in range(DIGEST_NOTICES_MAX)
    ]
    letter = Letter("digest_1", tuple(longest))
    assert len(webhook_body(letter)) < DIGEST_NOTICES_MAX * 16_384
    assert len(plain_text(letter).encode()) < DIGEST_NOTICES_MAX * 5_120
    text = json.loads(slack_body(letter))["text"]
    assert len(text) < SLACK_CHARACTERS_MAX + 200
    assert text.startswith("[warning] 100 notices\n")
    assert text.endswith("(99 more in this digest; `tieout notice list` has all)\n")
    short = json.loads(slack_body(Letter("digest_2", tuple(many()[:3]))))["text"]
    assert len(IDS.findall(short)) == 3 and "more in this digest" not in short
