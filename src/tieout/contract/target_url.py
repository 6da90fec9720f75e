"""The URL of a target, by a grammar so strict that no two readers can take it for two places.

No user information, no fragment, no white space, no escape or non-ASCII letter in the host (write an
international name in its `xn--` form), no dot at its end, and no spelling of an IPv4 address but four plain
decimals: what looks like a number in any other way is refused, since resolvers read `0x7f.1` as an address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from tieout.kernel.errors import Refusal

URL_LENGTH_MAX: Final = 2_048
HOST_LENGTH_MAX: Final = 253
HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-~]*|\?[!-~]*)?\Z",
    re.ASCII,
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z", re.ASCII)
_NUMBER = re.compile(r"[0-9]+\Z|0[xX][0-9a-fA-F]*\Z", re.ASCII)
_OCTET = re.compile(r"(?:0|[1-9][0-9]{0,2})\Z", re.ASCII)


class MalformedTargetUrl(Refusal):
    """The text is no URL that a notice may be sent to."""

    code = "malformed-target-url"

    def __init__(self, why: str) -> None:
        super().__init__(f"not a URL for notices: {why}")


@dataclass(frozen=True, slots=True)
class TargetUrl:
    """`host` is in lower case, without the brackets of an IPv6 address; `path` has its query, never empty."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host

    @property
    def authority(self) -> str:
        """As the Host header has it: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if self.is_ipv6 else self.host
        own = HTTPS_PORT if self.scheme == "https" else HTTP_PORT
        return host if self.port == own else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_target_url(text: str) -> TargetUrl:
    """Raises `MalformedTargetUrl`, which does not repeat the text: it may hold a secret."""
    if len(text) > URL_LENGTH_MAX:
        raise MalformedTargetUrl(f"it is longer than {URL_LENGTH_MAX} characters")
    if "#" in text:
        raise MalformedTargetUrl("it has a fragment (#), which is never sent")
    if "@" in text.partition("://")[2].partition("/")[0].partition("?")[0]:
        raise MalformedTargetUrl("it names a user before the host; credentials belong into a secret")
    match = _URL.match(text)
    if match is None:
        raise MalformedTargetUrl("write https://host/path, with a plain ASCII host")
    scheme, given = match["scheme"], match["host"]
    host = check_host(given[1:-1] if given.startswith("[") else given, bracketed=given.startswith("["))
    port = int(match["port"]) if match["port"] else (HTTPS_PORT if scheme == "https" else HTTP_PORT)
    if not 1 <= port <= 65_535:
        raise MalformedTargetUrl(f"there is no port {port}")
    path = match["path"] or "/"
    return TargetUrl(scheme, host, port, path if path.startswith("/") else "/" + path)


def check_host(host: str, *, bracketed: bool = False) -> str:
    """The host in lower case: a name, four plain decimals, or (`bracketed`) an IPv6 address. Raises
    `MalformedTargetUrl`.
    """
    if bracketed:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise MalformedTargetUrl("what stands in brackets is no IPv6 address") from None
    labels = host.split(".")
    if len(host) > HOST_LENGTH_MAX or not all(_LABEL.match(label) for label in labels):
        raise MalformedTargetUrl("its host is no name of letters, digits, hyphens and dots between them")
    if _NUMBER.match(labels[-1]):
        is_plain = len(labels) == 4 and all(_OCTET.match(each) and int(each) <= 255 for each in labels)
        if not is_plain:
            raise MalformedTargetUrl("its host looks like a number; write an IPv4 address as four decimals")
    elif any(re.match(r"0[xX]", label) and _NUMBER.match(label) for label in labels):
        raise MalformedTargetUrl("its host looks like a number; write an IPv4 address as four decimals")
    return host.lower()
