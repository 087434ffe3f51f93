"""Where webhooks may go, and above all where they may not."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.guard import Guard, Refused

AWS = Guard()
LOCAL = Guard(("https", "http"), ("127.0.0.0/8", "::1/128"))
FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "100::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:1::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.1.1",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "64:ff9b::808:808",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_nothing_is_sent_to_an_address_that_is_not_public(address: str) -> None:
    with pytest.raises(Refused, match="not public"):
        AWS.choose([address])
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Refused):
        AWS.check_url(f"https://{host}/hook")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_sent_to(address: str) -> None:
    assert AWS.choose([address]) == ipaddress.ip_address(address)


@given(st.ip_addresses(v=4))
def test_whatever_python_calls_private_or_multicast_is_not_public(address: ipaddress.IPv4Address) -> None:
    try:
        AWS.check_address(address)
    except Refused:
        return
    assert address.is_global
    assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_a_v4_address_inside_a_v6_one_leads_where_the_v4_one_leads(address: ipaddress.IPv4Address) -> None:
    def refused(one: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        try:
            AWS.check_address(one)
        except Refused:
            return True
        return False

    number = int(address)
    for inside in (0xFFFF << 32, int(ipaddress.IPv6Address("64:ff9b::"))):
        assert refused(ipaddress.IPv6Address(inside | number)) == refused(address)
    assert refused(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))) == refused(address)


def test_a_name_with_one_bad_address_among_good_ones_is_refused() -> None:
    with pytest.raises(Refused):
        AWS.choose(["8.8.8.8", "10.0.0.1"])


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(Refused, match="no address"):
        AWS.choose([])


def test_a_link_local_address_with_its_zone_is_refused() -> None:
    with pytest.raises(Refused):
        AWS.choose(["fe80::1%eth0"])


def test_a_stage_allows_networks_by_name_and_nothing_beside_them() -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "8.8.8.8"):
        LOCAL.choose([address])
    for address in ("10.0.0.1", "169.254.169.254", "192.168.1.1", "fd00::1", "::ffff:10.0.0.1"):
        with pytest.raises(Refused):
            LOCAL.choose([address])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com/hook",
        "file:///etc/passwd",
        "gopher://example.com",
        "https://",
        "https:///path",
        "https://user:secret@example.com/",
        "https://user@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://[::1",
        "//example.com/hook",
        "example.com/hook",
        "javascript:alert(1)",
    ],
)
def test_a_url_that_can_never_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        AWS.check_url(url)


def test_plain_http_is_for_stages_that_say_so() -> None:
    LOCAL.check_url("http://127.0.0.1:8080/hook?shop=1")
    AWS.check_url("https://example.com:8443/hook?shop=1")
