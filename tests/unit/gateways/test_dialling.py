"""A socket goes to an address that was judged, and to no other; what was asked for by name stays the name."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.notices import NOON, notice
from tests.receivers import certificate, receiver
from tieout.contract.notice_target import Channel, NoticeTarget, Severity
from tieout.contract.target_url import parse_target_url
from tieout.gateways.dialling import Deadline, EgressRefused, dial
from tieout.gateways.post import NetworkPost
from tieout.gateways.secrets_file import FileSecrets
from tieout.kernel.ids import NoticeTargetKey
from tieout.notice.attempt import Outcome
from tieout.notice.egress import HTTPS_PORTS, EgressRules
from tieout.notice.message import Letter

OURS = EgressRules(allow_private=True)
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


class Rebinding:
    """A name whose answer changes from one question to the next."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def attempt(resolve: Rebinding, rules: EgressRules, port: int = 443) -> socket.socket:
    deadline = Deadline.after(2)
    return dial("name.example", port, usual=HTTPS_PORTS, rules=rules, deadline=deadline, resolve=resolve)


def test_one_address_that_is_not_public_among_others_refuses_them_all() -> None:
    for answer in (
        ["93.184.216.34", "127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["::ffff:10.0.0.1"],
        ["fe80::1%eth0"],
    ):
        with pytest.raises(EgressRefused, match=r"not public|not a public|no plain"):
            attempt(Rebinding(answer), EgressRules())


def test_a_name_is_resolved_once_and_the_socket_goes_to_what_was_judged(tmp_path: Path) -> None:
    with receiver("http", tmp_path / "got") as running:
        rebinding = Rebinding(["127.0.0.1"], ["127.0.0.2"])
        sock = attempt(rebinding, OURS, running.port)
        assert sock.getpeername() == ("127.0.0.1", running.port)
        assert rebinding.asked == 1
        sock.close()


def test_a_second_attempt_asks_and_judges_anew() -> None:
    rebinding = Rebinding([], ["127.0.0.1"])
    with pytest.raises(OSError, match="no address"):
        attempt(rebinding, EgressRules())
    with pytest.raises(EgressRefused):
        attempt(rebinding, EgressRules())


def test_a_resolver_that_hangs_ends_with_the_deadline() -> None:
    def hangs(_host: str, _port: int) -> Sequence[str]:
        time.sleep(5)
        return ["93.184.216.34"]

    start = time.monotonic()
    with pytest.raises(TimeoutError):
        dial(
            "x.example",
            443,
            usual=HTTPS_PORTS,
            rules=EgressRules(),
            deadline=Deadline.after(0.3),
            resolve=hangs,
        )
    assert time.monotonic() - start < 2


def webhook(url: str) -> NoticeTarget:
    return NoticeTarget(
        key=NoticeTargetKey("hook"),
        version=1,
        effective_from=NOON,
        channel=Channel.WEBHOOK,
        url=parse_target_url(url),
        address=None,
        server=None,
        secret="hook",
        kinds=(),
        severity=Severity.INFO,
        customers=(),
        quiet=None,
        digest_minutes=0,
        escalations=(),
        escalation_severity=Severity.CRITICAL,
        attempts_max=3,
        enabled=True,
        digest="",
    )


def post_to(folder: Path, resolve: Rebinding, rules: EgressRules = OURS) -> NetworkPost:
    secrets = FileSecrets(folder)
    secrets.put("hook", SECRET, at=NOON, old_until=NOON)
    return NetworkPost(secrets, lambda: rules, resolve=resolve, seconds=3)


def test_tls_asks_for_the_name_and_believes_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate(tmp_path, "hooks.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    letter = Letter(notice().id, (notice(),))
    with receiver("http", tmp_path / "got", "--tls", str(cert), str(key)) as running:
        post = post_to(tmp_path, Rebinding(["127.0.0.1"]))
        good = webhook(f"https://hooks.example:{running.port}/ok")
        sent = post.send(letter, good, now=NOON)
        assert sent.outcome is Outcome.DELIVERED, sent
        told, request = running.got()
        assert told == {"sni": "hooks.example"}
        assert request["headers"]["host"] == f"hooks.example:{running.port}"
        other = webhook(f"https://other.example:{running.port}/ok")
        sent = post.send(letter, other, now=NOON)
        assert sent.outcome is Outcome.FAILED and "certificate does not hold" in sent.detail
        monkeypatch.setenv("SSL_CERT_FILE", str(key))
        sent = post.send(letter, good, now=NOON)
        assert sent.outcome is Outcome.FAILED, "nobody vouches for it"
        assert len([each for each in running.got() if "path" in each]) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::ffff:127.0.0.1]/", "not public"),
        ("https://[64:ff9b::7f00:1]/", "not public"),
        ("https://[2002:7f00:1::]/", "not public"),
        ("https://169.254.169.254/latest/meta-data/", "not a public address"),
        ("https://localhost/", "not a public address"),
        ("https://93.184.216.34:22/", "port 22"),
        ("http://93.184.216.34/", "plain http"),
    ],
)
def test_a_home_that_allows_nothing_sends_nothing_inside(tmp_path: Path, url: str, said: str) -> None:
    secrets = FileSecrets(tmp_path)
    secrets.put("hook", SECRET, at=NOON, old_until=NOON)
    sent = NetworkPost(secrets, EgressRules, seconds=3).send(
        Letter(notice().id, (notice(),)), webhook(url), now=NOON
    )
    assert sent.outcome is Outcome.FAILED and said in sent.detail


def test_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    secrets = FileSecrets(tmp_path)
    secrets.put("hook", "first", at=NOON, old_until=NOON)
    file = tmp_path / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert secrets.valid("hook", now=NOON) == ("first",)
    file.chmod(0o640)
    post = NetworkPost(secrets, lambda: OURS, seconds=1)
    sent = post.send(Letter(notice().id, (notice(),)), webhook("https://x.example/"), now=NOON)
    assert sent.outcome is Outcome.FAILED and "readable by others" in sent.detail
    file.chmod(0o600)
    file.write_text(json.dumps({"hook": [{"value": 1}]}))
    sent = post.send(Letter(notice().id, (notice(),)), webhook("https://x.example/"), now=NOON)
    assert sent.outcome is Outcome.FAILED and "cannot be read" in sent.detail


def test_a_secret_in_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = FileSecrets(tmp_path)
    secrets.put("my-hook", "file", at=NOON, old_until=NOON)
    monkeypatch.setenv("TIEOUT_SECRET_MY_HOOK", "new old")
    assert secrets.valid("my-hook", now=NOON) == ("new", "old")
