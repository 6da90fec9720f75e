"""What is sent: one notice, or several in a digest, in the words of each channel.

Text is data everywhere: JSON is encoded, Slack's three characters are escaped, a subject is one line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tieout.kernel.canonical import token
from tieout.kernel.ids import NoticeTargetKey
from tieout.kernel.instant import Instant, format_instant
from tieout.notice.notice import Notice, data_of

DIGEST_NOTICES_MAX: Final = 100
"""Of one message; what is more goes into the next."""
SLACK_CHARACTERS_MAX: Final = 30_000
"""As they are sent; Slack itself cuts off what is longer than 40,000."""
DIGEST_KIND: Final = "digest"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it goes out. `id` is the same at every attempt: a notice's own, or the digest's."""

    id: str
    notices: tuple[Notice, ...]

    def __post_init__(self) -> None:
        assert self.notices, "a message says something"


def wire_id(target: NoticeTargetKey, notices: Sequence[Notice]) -> str:
    """A notice's own id where it goes alone, so that whoever gets it twice can see that; otherwise one
    made from the target and all of them.
    """
    if len(notices) == 1:
        return notices[0].id
    said = token(target.encode()) + b"".join(token(each.encode()) for each in sorted(n.id for n in notices))
    return "digest_" + sha256(said).hexdigest()[:32]


def notice_json(notice: Notice) -> dict[str, object]:
    """As every program sees it."""
    return {
        "id": notice.id,
        "kind": notice.kind,
        "customer": notice.customer,
        "severity": notice.severity.value,
        "at": format_instant(notice.at),
        "watermark": notice.watermark,
        "title": notice.title,
        "text": notice.text,
        "data": data_of(notice),
    }


def webhook_body(letter: Letter) -> bytes:
    """`type`, `timestamp` and `data`, as Standard Webhooks advises. Equal letters, equal bytes."""
    if len(letter.notices) == 1:
        only = letter.notices[0]
        said: dict[str, object] = {"type": only.kind, "timestamp": format_instant(only.at)}
        said["data"] = notice_json(only)
    else:
        latest = Instant(max(each.at for each in letter.notices))
        said = {"type": DIGEST_KIND, "timestamp": format_instant(latest)}
        said["data"] = {"id": letter.id, "notices": [notice_json(each) for each in letter.notices]}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def subject_line(letter: Letter) -> str:
    """One printable line."""
    if len(letter.notices) == 1:
        only = letter.notices[0]
        return f"[{only.severity.value}] {only.title}"
    worst = max(letter.notices, key=lambda each: each.severity.rank).severity
    return f"[{worst.value}] {len(letter.notices)} notices"


def plain_text(letter: Letter) -> str:
    """For people, in mail: each notice with its time, customer and id."""
    return "\n\n".join(_paragraph(each) for each in letter.notices) + "\n"


def slack_body(letter: Letter) -> bytes:
    """Slack's `text`, in which `&`, `<` and `>` are all that could mean more than themselves. What finds no
    room is counted."""
    text, told = _for_slack(subject_line(letter)), 0
    for each in letter.notices:
        more = _for_slack(("\n\n" if told else "\n") + _paragraph(each))
        if told and len(text) + len(more) > SLACK_CHARACTERS_MAX:
            break
        text, told = text + more, told + 1
    if told < len(letter.notices):
        text += f"\n\n({len(letter.notices) - told} more in this digest; `tieout notice list` has all)"
    return json.dumps({"text": text + "\n", "mrkdwn": False}, ensure_ascii=False).encode()


def _for_slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _paragraph(notice: Notice) -> str:
    about = f", customer {notice.customer}" if notice.customer is not None else ""
    head = f"{notice.title}\n{notice.kind}, {notice.severity.value}, {format_instant(notice.at)}{about}"
    body = f"\n\n{notice.text}" if notice.text.strip() else ""
    return f"{head}{body}\n{notice.id}"
