"""Which addresses a message may go to: public ones, after every address that hides in another is taken out.

`ipaddress.is_global` alone says yes to multicast, to the NAT64 and 6to4 forms of 127.0.0.1, to v4-compatible
IPv6 addresses and to site-local ones; here IPv6 must also lie in 2000::/3, the part that is handed out.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

HTTPS_PORTS: Final = frozenset({443, 8443})
MAIL_PORTS: Final = frozenset({465, 587, 2525})

_GIVEN_OUT = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_NOT_PUBLIC = (
    IPv6Network("3fff::/20"),  # RFC 9637, documentation
    IPv6Network("2001::/23"),  # RFC 2928, special uses, Teredo among them
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
_LOW_32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class EgressRules:
    """What a home allows. `allow_private`: loopback and private addresses, plain http, and any port; meant
    for tests and for receivers of one's own. `ports`: beyond the usual ones. Neither is for targets that
    customers set, unless `customers_private` says that they too may be private: for tests.
    """

    allow_private: bool = False
    ports: frozenset[int] = frozenset()
    customers_private: bool = False

    def of_customers(self) -> EgressRules:
        """The rules for targets that customers set for themselves."""
        return EgressRules(self.customers_private)


def embedded(address: Address) -> tuple[Address, ...]:
    """The address, and every IPv4 address that it stands for: v4-mapped, v4-compatible, NAT64, 6to4, Teredo
    (server and client) and ISATAP.
    """
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    found: list[Address] = [address]
    if address in _NAT64 or address in _COMPATIBLE:
        found.append(IPv4Address(int(address) & _LOW_32))
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found += address.teredo
    if (int(address) >> 32) & _LOW_32 in _ISATAP:
        found.append(IPv4Address(int(address) & _LOW_32))
    return tuple(found)


def refused_address(text: str, rules: EgressRules) -> str | None:
    """Why a resolved address may not be connected to; None where it may."""
    try:
        address = ip_address(text)
    except ValueError:
        return "is no plain address"
    for each in embedded(address):
        if rules.allow_private and _is_ours(each):
            continue
        if not _is_public(each):
            return "is not a public address" if each == address else f"stands for {each}, which is not public"
    return None


def refused_port(port: int, usual: frozenset[int], rules: EgressRules) -> str | None:
    """Why a port may not be connected to; None where it may."""
    if rules.allow_private or port in usual or port in rules.ports:
        return None
    return f"port {port} is none of {', '.join(str(each) for each in sorted(usual | rules.ports))}"


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_unspecified or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return not address.is_reserved
    if address in _NAT64:
        return True  # what it stands for is judged beside it
    return address in _GIVEN_OUT and not any(address in network for network in _NOT_PUBLIC)


def _is_ours(address: Address) -> bool:
    """Loopback or private; never link-local, where machines keep their credentials."""
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        return address.is_loopback
    return address.is_loopback or address.is_private
