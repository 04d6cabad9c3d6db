from __future__ import annotations

import pytest

from app.gate.address import client_address, network_of

PEER = "10.0.0.9"


@pytest.mark.parametrize(
    ("forwarded_for", "trusted", "expected"),
    [
        (None, 0, PEER),
        ("1.2.3.4", 0, PEER),
        (None, 1, PEER),
        ("1.2.3.4", 1, "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4", 1, "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4, 10.0.0.1", 2, "1.2.3.4"),
        ("1.2.3.4", 2, "1.2.3.4"),
        ("nonsense", 1, PEER),
        ("", 1, PEER),
        ("[2001:DB8::1]", 1, "2001:db8::1"),
        ("::ffff:1.2.3.4", 1, "1.2.3.4"),
    ],
)
def test_only_what_a_trusted_proxy_wrote_counts(
    forwarded_for: str | None, trusted: int, expected: str
) -> None:
    assert client_address(PEER, forwarded_for, trusted) == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("unknown", "unknown"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_what_one_client_can_change_at_will_is_cut_off(address: str, network: str) -> None:
    assert network_of(address) == network
