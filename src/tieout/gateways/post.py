"""The port `Post`: one attempt by webhook, Slack or mail, and what it came to, in our own words."""

from __future__ import annotations

import binascii
import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import h11
from standardwebhooks import Webhook

from tieout.contract.notice_target import Channel, NoticeTarget
from tieout.contract.target_url import MalformedTargetUrl, parse_target_url
from tieout.gateways.dialling import Deadline, EgressRefused, Resolve, resolved
from tieout.gateways.mailing import PERMANENT, mail_of, send_mail
from tieout.gateways.posting import HttpStatus, post
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant, to_datetime
from tieout.notice.attempt import DETAIL_LENGTH_MAX, Outcome, Sent
from tieout.notice.egress import EgressRules
from tieout.notice.message import Letter, slack_body, webhook_body
from tieout.ports.outbound import Secrets

ATTEMPT_SECONDS_MAX: Final = 15
"""Everything of one attempt: name, connection, encryption, request and answer."""
GONE: Final = 410
JSON_HEADERS: Final = (("content-type", "application/json"), ("user-agent", "tieout-notices/1"))


class SecretUnusable(Exception):
    """The secret that a target names is not there, or is none of its kind."""


@dataclass(frozen=True, slots=True)
class NetworkPost:
    """`rules` is asked anew at each attempt; `resolve` is the system's resolver, or a test's."""

    secrets: Secrets
    rules: Callable[[], EgressRules]
    resolve: Resolve = resolved
    seconds: float = ATTEMPT_SECONDS_MAX

    def send(self, letter: Letter, target: NoticeTarget, *, now: Instant) -> Sent:
        try:
            return _SENDERS[target.channel](self, letter, target, now)
        except (EgressRefused, SecretUnusable, TieoutError) as error:
            return _failed(str(error))
        except ssl.SSLCertVerificationError as error:
            return _failed(f"the certificate does not hold: {error.verify_message}")
        except ssl.SSLError as error:
            return _failed(f"encryption failed: {error.reason or 'no reason given'}")
        except TimeoutError:
            return _failed(f"no answer within {self.seconds:g} seconds")
        except h11.ProtocolError:
            return _failed("the answer was not HTTP, or too long, or none")
        except smtplib.SMTPException as error:
            return _mail_failed(error)
        except OSError as error:
            return _failed(f"not reached: {error.strerror or error}")

    def by_webhook(self, letter: Letter, target: NoticeTarget, now: Instant) -> Sent:
        """Standard Webhooks: signed with every secret that is valid, so that either side may rotate first."""
        assert target.url is not None
        body = webhook_body(letter)
        values = self._values(target, now)
        moment = to_datetime(now)
        try:
            signatures = [Webhook(value).sign(letter.id, moment, body.decode()) for value in values]
        except (binascii.Error, ValueError, RuntimeError):
            raise SecretUnusable(f"secret {target.secret} is not of the form whsec_ and base64") from None
        headers = [
            *JSON_HEADERS,
            ("webhook-id", letter.id),
            ("webhook-timestamp", str(now // SECOND_MICROSECONDS)),
            ("webhook-signature", " ".join(signatures)),
        ]
        deadline = Deadline.after(self.seconds)
        rules = self.rules() if target.owner is None else self.rules().of_customers()
        return _answered(
            post(target.url, body, headers, rules=rules, deadline=deadline, resolve=self.resolve)
        )

    def by_slack(self, letter: Letter, target: NoticeTarget, now: Instant) -> Sent:
        try:
            url = parse_target_url(self._values(target, now)[0].strip())
        except MalformedTargetUrl as error:
            raise SecretUnusable(f"secret {target.secret} is {error}") from None
        deadline = Deadline.after(self.seconds)
        return _answered(
            post(
                url,
                slack_body(letter),
                list(JSON_HEADERS),
                rules=self.rules(),
                deadline=deadline,
                resolve=self.resolve,
            )
        )

    def by_mail(self, letter: Letter, target: NoticeTarget, now: Instant) -> Sent:
        assert target.server is not None and target.address is not None
        password = self._values(target, now)[0].rstrip("\n") if target.secret is not None else None
        send_mail(
            mail_of(letter, sender=target.server.sender, address=target.address, now=now),
            target.server,
            password=password,
            rules=self.rules(),
            deadline=Deadline.after(self.seconds),
            resolve=self.resolve,
        )
        return Sent(Outcome.DELIVERED, 250, "the mail server took it")

    def _values(self, target: NoticeTarget, now: Instant) -> tuple[str, ...]:
        values = self.secrets.valid(target.secret or "", now=now)
        if not values:
            name = (target.secret or "").partition("#")[0]
            detail = f"there is no secret {name}; `tieout notice secret set {name}`"
            raise SecretUnusable(detail)
        return values


_SENDERS: Final[Mapping[Channel, Callable[[NetworkPost, Letter, NoticeTarget, Instant], Sent]]] = {
    Channel.WEBHOOK: NetworkPost.by_webhook,
    Channel.SLACK: NetworkPost.by_slack,
    Channel.EMAIL: NetworkPost.by_mail,
}


def _answered(status: HttpStatus) -> Sent:
    code = status.code
    if 200 <= code < 300:
        return Sent(Outcome.DELIVERED, code, "taken")
    if 300 <= code < 400:
        return Sent(Outcome.FAILED, code, "answered with a redirect, which is not followed")
    if code == GONE:
        return Sent(Outcome.REFUSED, code, "the receiver is gone for good (410)")
    return Sent(Outcome.FAILED, code, f"answered {code}", status.retry_after_seconds)


def _failed(detail: str) -> Sent:
    return Sent(Outcome.FAILED, None, detail[:DETAIL_LENGTH_MAX])


def _mail_failed(error: smtplib.SMTPException) -> Sent:
    """Codes are told, the server's words are not. A refused account may be mended; a refused mail is not."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
        return _by_code(code, f"the recipient was refused ({code})")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Sent(Outcome.FAILED, error.smtp_code, f"the account was refused ({error.smtp_code})")
    if isinstance(error, smtplib.SMTPResponseException):
        return _by_code(error.smtp_code, f"the mail was refused ({error.smtp_code})")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return _failed("the mail server has no STARTTLS, or no log-in")
    return _failed("the mail server ended the conversation")


def _by_code(code: int, detail: str) -> Sent:
    return Sent(Outcome.REFUSED if code >= PERMANENT else Outcome.FAILED, code, detail)
