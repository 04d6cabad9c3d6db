"""The address a request comes from, through as many proxies as the settings trust."""

from __future__ import annotations

import ipaddress


def client_address(peer: str, forwarded_for: str | None, trusted_proxies: int) -> str:
    """Return the client's address.

    Each trusted proxy appends the address it saw to ``X-Forwarded-For``, so with *n* of them the
    n-th value from the right was written by one of them; what stands left of it anybody could have
    written. Without trusted proxies the header does not count.

    Args:
        peer: address of the other end of the connection.
        forwarded_for: the header's value, all its lines joined by commas.
        trusted_proxies: how many proxies of one's own stand in front.
    """
    if not trusted_proxies or not forwarded_for:
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    hop = hops[-trusted_proxies] if len(hops) >= trusted_proxies else hops[0]
    try:
        address = ipaddress.ip_address(hop.strip("[]"))
    except ValueError:
        return peer
    return str(getattr(address, "ipv4_mapped", None) or address)


def network_of(address: str) -> str:
    """Return what one client can change at will cut off: an IPv6 client owns its whole /64."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address
