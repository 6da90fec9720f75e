"""Notices on their way to real receivers: signed, retried, given up, gathered, quiet, escalated, resent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.notices import NOON, apply, notice, target
from tests.receivers import SECRET_TEXT, Receiver, receiver
from tieout.contract.notice_target import Severity
from tieout.flows import deliver_notices
from tieout.flows.check_health import doctor
from tieout.flows.deliver_notices import deliver_due, keep_delivering
from tieout.flows.notices import acknowledge, change_egress, make_secret, message_json, resend, set_secret
from tieout.gateways.clock import SteppedClock
from tieout.gateways.post import NetworkPost
from tieout.kernel.ids import NoticeId
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.notice.attempt import MessageState
from tieout.notice.notice import Notice
from tieout.wiring import Home, create_home

CUSTOMER = """
[[seller]]
key = "us"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Us"
address = ["1 Street"]

[[customer]]
key = "acme"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Acme"
address = ["2 Street"]
currency = "USD"
zone = "UTC"
seller = "us"
"""


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiver("http", tmp_path_factory.mktemp("http") / "got") as running:
        yield running


class Told:
    """A home whose clock is moved by hand, and what its targets got of each notice."""

    def __init__(self, folder: Path, http: Receiver) -> None:
        self.clock = SteppedClock(NOON)
        self.folder, self.http = folder, http
        self.home: Home = create_home(folder / "home", clock=self.clock)
        change_egress(self.home, allow_private=True, ports=None)
        self.secret = make_secret(self.home, "hook", keep_hours=24)

    def target(self, path: str, members: str = "", **named: Any) -> None:
        said = f'kind = "webhook"\nurl = "{self.http.url(path)}"\nsecret = "hook"\n{members}'
        apply(self.home, self.folder / "catalog", target(said, **named))

    def record(self, *notices: Notice) -> None:
        self.home.books.notices.record(notices, at=self.clock.now())

    def later(self, *, seconds: int = 0, minutes: int = 0) -> None:
        self.clock.set_to(Instant(self.clock.now() + (seconds + 60 * minutes) * SECOND_MICROSECONDS))

    def deliver(self) -> dict[str, int]:
        done = deliver_due(self.home)
        assert done.failures == []
        return {outcome.value: count for outcome, count in done.attempts.items()}

    def got(self, path: str) -> list[dict[str, Any]]:
        return [each for each in self.http.got() if each["path"] == path]

    def log(self, id: NoticeId | None = None) -> list[dict[str, Any]]:
        found = self.home.books.notices.messages(notice=id, target=None, limit=100)
        return [message_json(each) for each in found]  # type: ignore[misc]

    def health(self, name: str) -> tuple[bool, str]:
        return next((line.ok, line.detail) for line in doctor(self.home) if line.name == name)


@pytest.fixture
def told(tmp_path: Path, http: Receiver) -> Iterator[Told]:
    http.file.unlink(missing_ok=True)
    found = Told(tmp_path, http)
    with found.home:
        yield found


def test_a_webhook_is_signed_over_id_time_and_body(told: Told) -> None:
    told.target("/ok")
    told.record(notice())
    assert told.deliver() == {"delivered": 1}
    [got] = told.got("/ok")
    headers = got["headers"]
    assert headers["webhook-id"] == notice().id
    signed = Webhook(told.secret).sign(headers["webhook-id"], _moment(headers), got["body"])
    assert headers["webhook-signature"] == signed
    said = json.loads(got["body"])
    assert said["type"] == "alert.crossed" and said["data"]["data"] == {"limit": "1000", "used": "800"}
    assert told.deliver() == {}, "once delivered, nothing is left to do"
    assert told.log()[0]["state"] == "delivered"


def test_two_secrets_are_valid_while_one_is_rotated(told: Told) -> None:
    told.target("/ok")
    new = make_secret(told.home, "hook", keep_hours=24)
    told.record(notice())
    told.deliver()
    [got] = told.got("/ok")
    headers = got["headers"]
    for secret in (told.secret, new):
        signed = Webhook(secret).sign(headers["webhook-id"], _moment(headers), got["body"])
        assert signed in headers["webhook-signature"].split(" ")
    told.later(minutes=24 * 60)
    told.record(notice("two"))
    told.deliver()
    assert len(told.got("/ok")[1]["headers"]["webhook-signature"].split(" ")) == 1, "the old one has ended"


def test_what_waits_for_one_target_follows_at_once(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty notices, and a pause between looks that no test would wait for."""
    monkeypatch.setattr(deliver_notices, "POLL_MILLISECONDS", 60_000)
    told.target("/ok")
    told.record(*(notice(str(number)) for number in range(40)))
    begins = time.monotonic()
    keep_delivering(told.home, stop=lambda: len(told.got("/ok")) >= 40, told=lambda _: None)
    assert time.monotonic() - begins < 50
    assert {each["headers"]["webhook-id"] for each in told.got("/ok")} == {
        notice(str(number)).id for number in range(40)
    }


def test_a_failing_receiver_is_tried_again_under_the_same_id(told: Told) -> None:
    told.target("/first-fails/2")
    told.record(notice())
    assert told.deliver() == {"failed": 1}
    assert told.deliver() == {}, "not before its time"
    told.later(seconds=7)
    assert told.deliver() == {"failed": 1}
    told.later(seconds=20)
    assert told.deliver() == {}, "the second pause is longer"
    told.later(seconds=6)
    assert told.deliver() == {"delivered": 1}
    got = told.got("/first-fails/2")
    assert {each["headers"]["webhook-id"] for each in got} == {notice().id} and len(got) == 3
    assert len({each["body"] for each in got}) == 1
    [message] = told.log()
    assert [each["outcome"] for each in message["attempts"]] == ["failed", "failed", "delivered"]


def test_after_its_last_attempt_a_message_is_given_up_and_doctor_says_so(told: Told) -> None:
    told.target("/code/500", "attempts_max = 3")
    told.record(notice())
    for _ in range(3):
        assert told.deliver() == {"failed": 1}
        told.later(minutes=60)
        assert not told.health("notices")[0], "it keeps failing"
    assert told.deliver() == {}
    assert told.log()[0]["state"] == "given-up"
    ok, detail = told.health("notices")
    assert not ok and "1 messages were given up; the last to ops: answered 500" in detail
    told.target("/ok", version=2)
    resend(told.home, notice().id, target="ops")
    assert told.deliver() == {"delivered": 1}
    assert told.got("/ok")[0]["headers"]["webhook-id"] == notice().id
    assert told.health("notices")[0], "it came in the end"


@pytest.mark.parametrize(
    ("path", "detail", "state"),
    [
        ("/code/410", "gone for good", "given-up"),
        ("/code/404", "answered 404", "waiting"),
        ("/redirect", "redirect", "waiting"),
        ("/nonsense", "not HTTP", "waiting"),
        ("/long-head", "not HTTP", "waiting"),
        ("/endless", "taken", "delivered"),
    ],
)
def test_what_a_receiver_answers_and_none_of_its_words(
    told: Told, path: str, detail: str, state: str
) -> None:
    told.target(path)
    told.record(notice())
    told.deliver()
    [message] = told.log()
    assert message["state"] == state and detail in message["attempts"][0]["detail"]
    assert SECRET_TEXT not in json.dumps(message)
    assert told.got("/ok/followed") == []


def test_a_receiver_may_ask_for_patience_within_a_day(told: Told) -> None:
    told.target("/later/3600")
    told.record(notice())
    told.deliver()
    told.later(minutes=59)
    assert told.deliver() == {}
    told.later(minutes=2)
    assert told.deliver() == {"failed": 1}


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_a_receiver_that_hangs_costs_its_time_and_no_other_target(told: Told, path: str) -> None:
    import time

    assert isinstance(told.home.post, NetworkPost)
    quick = replace(told.home.post, seconds=1.0)
    home = replace(told.home, post=quick)
    told.target(path, key="slow")
    told.target("/ok", key="quick")
    told.record(*(notice(str(number)) for number in range(3)))
    start = time.time()
    done = deliver_due(home)
    assert {outcome.value: count for outcome, count in done.attempts.items()} == {"delivered": 3, "failed": 3}
    assert time.time() - start < 6, "three times its second"
    assert all(each["at"] - start < 1 for each in told.got("/ok")), "nobody waited for the one that hangs"
    assert {each["detail"] for each in told.log() if each["target"] == "slow"} == {
        "no answer within 1 seconds"
    }


def test_a_digest_gathers_and_what_is_critical_does_not_wait(told: Told) -> None:
    told.target("/ok", "digest_minutes = 30")
    told.record(notice("one"))
    assert told.deliver() == {}
    told.later(minutes=20)
    urgent = notice("three", severity=Severity.CRITICAL)
    told.record(notice("two"), urgent)
    assert told.deliver() == {"delivered": 1}
    assert [each["headers"]["webhook-id"] for each in told.got("/ok")] == [urgent.id]
    told.later(minutes=10)
    assert told.deliver() == {"delivered": 1}
    said = json.loads(told.got("/ok")[1]["body"])
    assert said["type"] == "digest"
    assert {each["id"] for each in said["data"]["notices"]} == {notice("one").id, notice("two").id}
    assert said["data"]["id"] == told.got("/ok")[1]["headers"]["webhook-id"]


def test_quiet_hours_hold_what_is_not_critical_until_their_end(told: Told) -> None:
    quiet = '[notice_target.quiet_hours]\nzone = "Europe/Berlin"\nfrom = "12:00"\nuntil = "15:00"\n'
    told.target("/ok", quiet)  # noon in UTC is one o'clock there
    told.record(notice("one"), notice("two"), notice("three", severity=Severity.CRITICAL))
    assert told.deliver() == {"delivered": 1}
    told.later(minutes=119)
    assert told.deliver() == {}
    told.later(minutes=1)
    assert told.deliver() == {"delivered": 1}
    assert len(json.loads(told.got("/ok")[1]["body"])["data"]["notices"]) == 2


def test_a_retry_that_would_fall_into_quiet_hours_waits_for_their_end(told: Told) -> None:
    quiet = '[notice_target.quiet_hours]\nzone = "UTC"\nfrom = "12:01"\nuntil = "13:00"\n'
    told.target("/first-fails/1", quiet)
    told.record(notice())
    told.later(seconds=58)
    assert told.deliver() == {"failed": 1}
    told.later(minutes=30)
    assert told.deliver() == {}
    told.later(minutes=30)
    assert told.deliver() == {"delivered": 1}


def test_nobody_acknowledged_so_the_next_one_is_told(told: Told) -> None:
    told.target("/ok/boss", 'takes = ["nothing.at-all"]', key="boss")
    steps = '[[notice_target.escalation]]\nafter_minutes = 15\nto = "boss"\n'
    told.target("/ok", f'escalation_severity = "warning"\n{steps}')
    told.record(notice("one"), notice("two"), notice("three", severity=Severity.INFO))
    assert told.deliver() == {"delivered": 3}
    told.later(minutes=14)
    acknowledge(told.home, notice("one").id, by="Ana", reason="looking into it")
    told.later(minutes=1)
    assert told.deliver() == {"delivered": 1}
    assert [each["headers"]["webhook-id"] for each in told.got("/ok/boss")] == [notice("two").id]
    told.later(minutes=60)
    assert told.deliver() == {}


def test_a_target_takes_what_it_says_and_nothing_else(told: Told) -> None:
    apply(told.home, told.folder / "catalog", CUSTOMER)
    told.target("/ok", 'takes = ["hold.*", "alert.crossed"]\nseverity = "warning"\ncustomers = ["acme"]')
    wanted = [notice("a"), notice("b", kind="hold.applied")]
    told.record(
        *wanted,
        notice("c", kind="alert.other"),
        notice("d", severity=Severity.INFO),
        notice("e", customer="another"),
        notice("f", customer=None),
        notice("g", kind="holding"),
    )
    told.deliver()
    assert {each["headers"]["webhook-id"] for each in told.got("/ok")} == {each.id for each in wanted}
    assert told.home.books.notices.unrouted(10) == ()


def test_a_target_that_is_no_longer_enabled_is_given_up_on_with_the_reason(told: Told) -> None:
    told.target("/code/500")
    told.record(notice())
    told.deliver()
    told.target("/ok", "enabled = false", version=2)
    told.later(minutes=1)
    assert told.deliver() == {"refused": 1}
    assert "not enabled" in told.log()[0]["detail"]


def test_without_its_secret_nothing_is_sent_and_doctor_names_it(told: Told) -> None:
    told.target("/ok")
    told.home.secrets.remove("hook")
    told.record(notice())
    assert told.deliver() == {"failed": 1}
    assert told.got("/ok") == []
    ok, detail = told.health("notice targets")
    assert not ok and "no secret hook" in detail and "PRIVATE TARGETS ARE ALLOWED" in detail
    set_secret(told.home, "hook", "not base64!", keep_hours=0)
    told.later(seconds=10)
    assert told.deliver() == {"failed": 1}
    assert "not base64" not in json.dumps(told.log()), "a secret is never in the log"


def test_slack_gets_text_that_means_only_itself(told: Told) -> None:
    set_secret(told.home, "room", told.http.url("/ok/slack"), keep_hours=0)
    apply(told.home, told.folder / "catalog", target('kind = "slack"\nsecret = "room"', key="room"))
    told.record(notice(title="<!channel> & <http://x|y>"))
    assert told.deliver() == {"delivered": 1}
    text = json.loads(told.got("/ok/slack")[0]["body"])["text"]
    assert "&lt;!channel&gt; &amp; &lt;http://x|y&gt;" in text and "<" not in text


def test_a_home_reaches_no_private_target_unless_it_says_so(told: Told) -> None:
    change_egress(told.home, allow_private=False, ports=None)
    told.target("/ok")
    told.record(notice())
    assert told.deliver() == {"failed": 1}
    assert "plain http is refused" in told.log()[0]["detail"]
    assert told.got("/ok") == []


def test_what_was_given_up_and_acknowledged_needs_nobody(told: Told) -> None:
    told.target("/code/410")
    told.record(notice())
    told.deliver()
    assert not told.health("notices")[0]
    acknowledge(told.home, notice().id, by="Ana", reason="seen in the list")
    assert told.health("notices")[0]
    assert told.home.books.notices.counts().of(MessageState.GIVEN_UP) == 1


def _moment(headers: dict[str, str]) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
