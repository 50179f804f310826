"""Where a request comes from: what proxies of ours have seen, and nothing that others write."""

import pytest

from recommender.web.client_address import client_address

PROXIES = ("127.0.0.1", "::1", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::1", "203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "192.0.2.1", "203.0.113.7"),  # written by the client
        ("127.0.0.1", "192.0.2.1, 203.0.113.7", "203.0.113.7"),  # the first is what the client has sent
        ("127.0.0.1", "192.0.2.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),  # two proxies of ours
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7,", "127.0.0.1"),
        ("::ffff:127.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("127.0.0.1", "2001:db8:1:2:9::9", "2001:db8:1:2::/64"),
        ("", "203.0.113.7", ""),
    ],
)
def test_address_is_what_our_proxies_have_seen(peer: str, forwarded: str, expected: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == expected


def test_without_proxies_no_header_is_read() -> None:
    assert client_address("127.0.0.1", "203.0.113.7", ()) == "127.0.0.1"
