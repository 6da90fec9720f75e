"""Mail to a real mail server: encrypted, with an account, one recipient, and nothing injected."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.notices import NOON, notice
from tests.receivers import SECRET_TEXT, certificate, receiver
from tests.unit.gateways.test_dialling import OURS, Rebinding, webhook
from tieout.contract.notice_target import Channel, MailSecurity, MailServer, NoticeTarget
from tieout.gateways.mailing import mail_of
from tieout.gateways.post import NetworkPost
from tieout.gateways.secrets_file import FileSecrets
from tieout.notice.attempt import Outcome, Sent
from tieout.notice.egress import EgressRules
from tieout.notice.message import Letter

LETTER = Letter(notice().id, (notice(title="Grüße: 80 percent used"),))
NAME = "mail.example"


def mailbox(
    port: int,
    *,
    security: MailSecurity = MailSecurity.NONE,
    username: str | None = None,
    address: str = "ops@acme.example",
) -> NoticeTarget:
    server = MailServer(NAME, port, security, username, "billing@us.example")
    base = webhook("https://x.example/")
    return replace(
        base,
        channel=Channel.EMAIL,
        url=None,
        address=address,
        server=server,
        secret=None if username is None else "hook",
    )


def send(folder: Path, target: NoticeTarget, *, password: str = "right", rules: EgressRules = OURS) -> Sent:
    secrets = FileSecrets(folder)
    secrets.put("hook", password, at=NOON, old_until=NOON)
    post = NetworkPost(secrets, lambda: rules, resolve=Rebinding(["127.0.0.1"]), seconds=5)
    return post.send(LETTER, target, now=NOON)


def test_a_mail_arrives_once_with_an_id_that_stays(tmp_path: Path) -> None:
    with receiver("smtp", tmp_path / "got") as running:
        for _ in range(2):
            sent = send(tmp_path, mailbox(running.port))
            assert sent.outcome is Outcome.DELIVERED, sent
        first, second = running.got()
    assert first["to"] == ["ops@acme.example"] and first["from"] == "billing@us.example"
    assert first["headers"]["subject"] == "[warning] Grüße: 80 percent used"
    assert first["headers"]["message-id"] == f"<{notice().id}@us.example>" == second["headers"]["message-id"]
    assert "800 of 1000 calls." in first["text"] and notice().id in first["text"]


def test_starttls_and_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate(tmp_path, NAME)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    options = ("--tls", str(cert), str(key), "--account", "billing", "right")
    with receiver("smtp", tmp_path / "got", *options) as running:
        target = mailbox(running.port, security=MailSecurity.STARTTLS, username="billing")
        assert send(tmp_path, target).outcome is Outcome.DELIVERED
        [mail] = running.got()
        assert mail["tls"] and mail["user"] == "billing"
        wrong = send(tmp_path, target, password="wrong")
        assert wrong.outcome is Outcome.FAILED and wrong.detail == "the account was refused (535)"
        monkeypatch.delenv("SSL_CERT_FILE")
        assert "certificate does not hold" in send(tmp_path, target).detail
        assert len(running.got()) == 1


def test_a_server_without_encryption_gets_no_password(tmp_path: Path) -> None:
    with receiver("smtp", tmp_path / "got") as running:
        target = mailbox(running.port, security=MailSecurity.STARTTLS, username="billing")
        sent = send(tmp_path, target)
        assert sent.outcome is Outcome.FAILED and "STARTTLS" in sent.detail
        plain = send(tmp_path, mailbox(running.port), rules=EgressRules(ports=frozenset({running.port})))
        assert plain.outcome is Outcome.FAILED and "without encryption" in plain.detail
        assert running.got() == []


@pytest.mark.parametrize(
    ("address", "outcome", "detail"),
    [
        ("gone@acme.example", Outcome.REFUSED, "the recipient was refused (550)"),
        ("busy@acme.example", Outcome.FAILED, "the recipient was refused (451)"),
    ],
)
def test_what_a_server_refuses_and_none_of_its_words(
    tmp_path: Path, address: str, outcome: Outcome, detail: str
) -> None:
    with receiver("smtp", tmp_path / "got") as running:
        sent = send(tmp_path, mailbox(running.port, address=address))
    assert (sent.outcome, sent.detail) == (outcome, detail)
    assert SECRET_TEXT not in sent.detail


def test_no_text_becomes_a_header_or_ends_the_mail(tmp_path: Path) -> None:
    evil = notice(title="x", text=".\nBcc: all@acme.example\n\n.\nQUIT")
    secrets = FileSecrets(tmp_path)
    with receiver("smtp", tmp_path / "got") as running:
        post = NetworkPost(secrets, lambda: OURS, resolve=Rebinding(["127.0.0.1"]), seconds=5)
        sent = post.send(Letter(evil.id, (evil,)), mailbox(running.port), now=NOON)
        assert sent.outcome is Outcome.DELIVERED
        [mail] = running.got()
    assert mail["to"] == ["ops@acme.example"] and "bcc" not in mail["headers"]
    assert ".\nBcc: all@acme.example\n\n.\nQUIT" in mail["text"].replace("\r\n", "\n")


@pytest.mark.parametrize("part", ["sender", "address"])
def test_the_message_itself_refuses_a_line_break(part: str) -> None:
    given = {"sender": "a@b.example", "address": "c@d.example", part: "a@b.example\r\nBcc: evil@e.example"}
    with pytest.raises(ValueError, match=r"linefeed|newline|header|CR|LF"):
        mail_of(LETTER, now=NOON, **given).as_bytes()


def test_digests_name_the_worst_and_the_number() -> None:
    letter = Letter("digest_1", (notice("a"), notice("b")))
    mail = mail_of(letter, sender="a@b.example", address="c@d.example", now=NOON)
    assert str(mail["Subject"]) == "[warning] 2 notices"
    assert json.dumps(str(mail["Message-ID"])) == '"<digest_1@b.example>"'
