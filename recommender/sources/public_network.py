"""Which addresses of the network belong to the public: a program that follows links must reach no others."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

# What is_global says of them differs between releases of Python, or is meant for other purposes.
_NAT64 = IPv6Network("64:ff9b::/96")
_RESERVED_V6 = tuple(
    IPv6Network(block)
    for block in ("64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10")
)


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet may reach.

    Addresses that carry another one inside (IPv4 in IPv6, 6to4, Teredo, NAT64) are as public as that one is.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(map(_is_public, _inside(parsed)))


def _inside(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFF_FFFF)]
    return [address]


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and any(address in block for block in _RESERVED_V6):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
