"""One mail over SMTP to a server whose address was judged, encrypted unless the home allows otherwise.

Headers are made by the standard library's message object, which refuses a line break in any of them; the
texts were plain lines before.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from tieout.contract.notice_target import MailSecurity, MailServer
from tieout.gateways.dialling import Deadline, EgressRefused, Resolve, dial, ended_by
from tieout.kernel.instant import Instant, to_datetime
from tieout.notice.egress import MAIL_PORTS, EgressRules
from tieout.notice.message import Letter, plain_text, subject_line

PERMANENT: Final = 500
"""Replies from here on say that the same again will not do."""


class _OnSocket(smtplib.SMTP):
    """The library's dialogue, on a socket that is connected already."""

    def __init__(self, sock: socket.socket, server: MailServer, seconds: float) -> None:
        self._connected = sock
        own_name = server.sender.rpartition("@")[2]
        super().__init__(server.host, server.port, local_hostname=own_name, timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - theirs
        return self._connected


def mail_of(letter: Letter, *, sender: str, address: str, now: Instant) -> EmailMessage:
    """The Message-ID is made from the letter's id, and is the same at every attempt."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = address
    mail["Subject"] = subject_line(letter)
    mail["Date"] = format_datetime(to_datetime(now))
    mail["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(plain_text(letter))
    return mail


def send_mail(
    mail: EmailMessage,
    server: MailServer,
    *,
    password: str | None,
    rules: EgressRules,
    deadline: Deadline,
    resolve: Resolve,
) -> None:
    """Returns once the server has taken it. Raises `EgressRefused`, `TimeoutError`, `OSError` or
    `smtplib.SMTPException`.
    """
    if server.security is MailSecurity.NONE and not rules.allow_private:
        raise EgressRefused("mail without encryption is refused; use starttls or tls")
    sock = dial(server.host, server.port, usual=MAIL_PORTS, rules=rules, deadline=deadline, resolve=resolve)
    with ended_by(deadline, sock):
        sock.settimeout(deadline.left())
        if server.security is MailSecurity.TLS:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=server.host)
        try:
            dialogue = _OnSocket(sock, server, deadline.left())
            if server.security is MailSecurity.STARTTLS:
                dialogue.starttls(context=ssl.create_default_context())
            if server.username is not None:
                dialogue.login(server.username, password or "")
            dialogue.send_message(mail)
            dialogue.close()  # taken is taken: a QUIT that fails must not send it again
        finally:
            sock.close()
