"""Where a message may go, and how its URL must be written: what attackers write, and properties."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.contract.target_url import MalformedTargetUrl, parse_target_url
from tieout.notice.egress import (
    HTTPS_PORTS,
    MAIL_PORTS,
    EgressRules,
    embedded,
    refused_address,
    refused_port,
)

PUBLIC, OURS = EgressRules(), EgressRules(allow_private=True)
PRIVATE_V4 = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255"),
]
PRIVATE_V6 = [
    *("::1", "::", "fe80::1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1"),
    *("5f00::1", "64:ff9b:1::1", "100::1", "2001:10::1", "fe80::1%eth0"),
]


@pytest.mark.parametrize("address", [*PRIVATE_V4, *PRIVATE_V6, "example.com", "0x7f000001", "127.1", "", "1"])
def test_what_is_not_public_is_refused(address: str) -> None:
    assert refused_address(address, PUBLIC) is not None


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101", "2002:0101:0101::1"]
)
def test_what_is_public_passes(address: str) -> None:
    assert refused_address(address, PUBLIC) is None


def hidden(address: IPv4Address) -> list[IPv6Address]:
    """Every way to write an IPv4 address as an IPv6 one."""
    low = int(address)
    return [
        IPv6Address((0xFFFF << 32) | low),  # v4-mapped
        IPv6Address(low),  # v4-compatible
        IPv6Address(int(IPv6Address("64:ff9b::")) | low),  # NAT64
        IPv6Address(int(IPv6Address("2002::")) | low << 80),  # 6to4
        IPv6Address(int(IPv6Address("2002::")) | low << 80 | 1),
        IPv6Address(int(IPv6Address("2001::")) | low << 64 | 0x0101_0101 ^ 0xFFFF_FFFF),  # Teredo, server
        IPv6Address(int(IPv6Address("2001::")) | 0x0101_0101 << 64 | low ^ 0xFFFF_FFFF),  # Teredo, client
        IPv6Address(int(IPv6Address("2606:4700::")) | 0x5EFE << 32 | low),  # ISATAP
    ]


@given(st.sampled_from(list(PRIVATE_V4)) | st.ip_addresses(v=4, network="127.0.0.0/8").map(str))
def test_no_form_of_an_address_that_is_not_public_passes(text: str) -> None:
    for each in hidden(IPv4Address(text)):
        assert refused_address(str(each), PUBLIC) is not None, each


@given(st.ip_addresses())
def test_a_public_address_is_global_with_all_that_it_stands_for(address: IPv4Address | IPv6Address) -> None:
    if refused_address(str(address), PUBLIC) is None:
        assert all(each.is_global and not each.is_multicast for each in embedded(address))
        if isinstance(address, IPv6Address) and address not in hidden(IPv4Address(int(address) & 0xFFFFFFFF)):
            assert int(address) >> 125 == 1, "2000::/3 is all that was given out"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "fd12::1", "::ffff:127.0.0.1", "1.1.1.1"]
)
def test_a_home_may_allow_its_own(address: str) -> None:
    assert refused_address(address, OURS) is None


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0"]
)
def test_where_machines_keep_credentials_is_never_allowed(address: str) -> None:
    assert refused_address(address, OURS) is not None


def test_ports_are_those_of_https_and_mail() -> None:
    assert refused_port(443, HTTPS_PORTS, PUBLIC) is None
    assert refused_port(587, MAIL_PORTS, PUBLIC) is None
    for port in (22, 25, 80, 6379, 8080, 9200):
        assert refused_port(port, HTTPS_PORTS, PUBLIC) is not None
    assert refused_port(9443, HTTPS_PORTS, EgressRules(ports=frozenset({9443}))) is None
    assert refused_port(22, HTTPS_PORTS, OURS) is None


HOSTILE = [
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//example.com/",
    "https:/example.com/",
    "https:///path",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com:443@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com/#fragment",
    "https://example.com\\@127.0.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1.2/",
    "https://256.0.0.1/",
    "https://01.2.3.4/",
    "https://example.com./",
    "https://.example.com/",
    "https://exa..mple.com/",
    "https://-example.com/",
    "https://ex_ample.com/",
    "https://%65xample.com/",
    "https://ⓔxample.com/",
    "https://bücher.example/",
    "https://example。com/",
    "https://127。0。0。1/",
    "https://１２７.0.0.1/",
    "https://example.com:/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:443x/",
    "https://example.com:-1/",
    "https://example.com /",
    " https://example.com/",
    "https://example.com/\n",
    "https://example.com/\r\nHost: evil",
    "https://example.com/\t",
    "https://example.com/a b",
    "https://[::1",
    "https://::1/",
    "https://[::1%25eth0]/",
    "https://[example.com]/",
    "https://[dead.beef]/",
    "https://[127.0.0.1]/",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 127 + "com/",
    "https://example.com/" + "a" * 2_048,
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_url_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(MalformedTargetUrl):
        parse_target_url(text)


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("https://Example.COM/Hook?a=b", "example.com", 443, "/Hook?a=b"),
        ("https://example.com?x=@", "example.com", 443, "/?x=@"),
        ("https://example.com:8443/@me", "example.com", 8443, "/@me"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://93.184.216.34/", "93.184.216.34", 443, "/"),
        ("https://[2606:4700::1111]:443/x", "2606:4700::1111", 443, "/x"),
        ("http://localhost:8080/", "localhost", 8080, "/"),
    ],
)
def test_a_plain_url_is_read(text: str, host: str, port: int, path: str) -> None:
    found = parse_target_url(text)
    assert (found.host, found.port, found.path) == (host, port, path)


@given(st.text(max_size=60) | st.text(alphabet="htps:/@#?[]%.0x17aé\\ -_\n", max_size=40))
def test_whatever_passes_names_one_host_by_one_grammar(rest: str) -> None:
    try:
        found = parse_target_url("https://" + rest)
    except MalformedTargetUrl:
        return
    assert str(found).isascii() and " " not in str(found) and "@" not in found.authority
    assert parse_target_url(str(found)) == found, "it is read the same again"
    if all(character in "0123456789abcdefx." for character in found.host) and found.host[-1].isdigit():
        last = found.host.rpartition(".")[2]
        if last.isdigit() or last.startswith("0x"):
            assert ip_address(found.host).version == 4
