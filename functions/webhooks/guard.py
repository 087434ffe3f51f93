"""Where a webhook may go: to public addresses and nowhere else, unless the stage allows a network by name.

Whoever registers an endpoint chooses its host name, and whoever owns the name chooses what it resolves to, anew at
every look-up (DNS rebinding). So the name is resolved once for every request, each address is checked here, and the
request is made to the address that was checked.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, with the metadata service of every cloud
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "::/128",
        "::1/128",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",  # unique-local
        "fe80::/10",  # link-local
        "fec0::/10",
        "ff00::/8",  # multicast
    )
)
"""The IANA special-purpose address registries (IPv4 and IPv6) as of November 2026, and multicast."""
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")


class Refused(Exception):
    """The hub does not send there; the message says why, in one word or two."""


class Guard:
    """Decides on URLs and addresses. `networks` are allowed beside what is public, `schemes` are those of URLs."""

    def __init__(self, schemes: Sequence[str] = ("https",), networks: Sequence[str] = ()) -> None:
        self._schemes = tuple(schemes)
        self._networks: tuple[Network, ...] = tuple(ip_network(text) for text in networks)

    def check_url(self, url: str) -> None:
        """Raises Refused where the URL can never be sent to. Resolves no name."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise Refused("not a URL") from None
        if parts.scheme not in self._schemes:
            raise Refused(f"the scheme is not {' or '.join(self._schemes)}")
        if not host or parts.username is not None or parts.password is not None or parts.fragment:
            raise Refused("a URL for webhooks has a host, no user and no fragment")
        try:
            address = ip_address(host)
        except ValueError:
            return
        self.check_address(address)

    def check_address(self, address: Address) -> None:
        """Raises Refused where nothing may be sent to this address."""
        if self._allowed(address):
            return
        # A v4 address inside a v6 one leads where the v4 address leads, on a host that translates it.
        target = _inside(address) or address
        if self._allowed(target):
            return
        if any(target in network for network in _NOT_PUBLIC if network.version == target.version):
            raise Refused("the address is not public")

    def _allowed(self, address: Address) -> bool:
        return any(address in network for network in self._networks if network.version == address.version)

    def choose(self, addresses: Sequence[str]) -> Address:
        """The address to connect to. Raises Refused where there is none, or any one of them is not allowed."""
        found = [ip_address(text.split("%")[0]) for text in addresses]
        if not found:
            raise Refused("the name has no address")
        for address in found:
            self.check_address(address)
        return found[0]


def _inside(address: Address) -> IPv4Address | None:
    """The v4 address that a v6 one stands for: mapped, compatible, 6to4 or NAT64; None where it stands for none."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    number = int(address)
    if address in _NAT64 or (1 < number < 2**32):
        return IPv4Address(number & 0xFFFFFFFF)
    return None
