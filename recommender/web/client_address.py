"""Where a request comes from: the address that the nearest of our proxies has seen."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

NETWORK_BITS = 64  # of an IPv6 address: what one customer is given at the least, to choose addresses from at will

_Address = IPv4Address | IPv6Address


def client_address(peer: str, forwarded: str, proxies: tuple[str, ...]) -> str:
    """An address to count by: of IPv4 whole, of IPv6 the network of 64 bits; empty for what is none.

    `peer` is the other end of the connection, `forwarded` the X-Forwarded-For that came with it. Each proxy adds what
    it has seen at the end, so it is read from there for as long as those are `proxies` who have written it.
    """
    networks = _networks(proxies)
    address = _parsed(peer)
    for part in reversed(forwarded.split(",")):
        if address is None or not any(address in network for network in networks):
            break
        named = _parsed(part.strip())
        if named is None:
            break
        address = named
    if isinstance(address, IPv6Address):
        return str(ip_network((address, NETWORK_BITS), strict=False))
    return "" if address is None else str(address)


@lru_cache(4)
def _networks(proxies: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(proxy) for proxy in proxies]


def _parsed(text: str) -> _Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
