"""Restricts downloads to web servers with public addresses, unless the user allows others.

Otherwise a cell of a labels file could make this machine send requests to servers that only it can reach: its own, its
network's, and the one that hands out a cloud machine's credentials (169.254.169.254). The address of each connection is
checked, so that neither a redirect nor a second name lookup leads elsewhere. Where a proxy of the environment makes the
connections, it also resolves the names: then a name is refused if it has a private address here, and the rest is up to
the proxy.
"""

import asyncio
import os
import socket
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

ALLOW_VARIABLE = "OVERREAD_ALLOW_PRIVATE_URLS"
"""Set to 1, it allows servers with any address."""
_PRIVATE_NAMES = ("localhost", "localdomain", "local", "internal")
"""The last parts of names that no public server has."""
_UNICAST = IPv6Network("2000::/3")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_NAT64 = IPv6Network("64:ff9b::/96")
_DOCUMENTATION = IPv6Network("3fff::/20")
_is_proxied: ContextVar[bool] = ContextVar("is_proxied", default=False)


class PrivateAddressError(OSError):
    """A server has an address that is not public."""


def allows_private() -> bool:
    """Whether the environment allows web servers with any address."""
    return os.environ.get(ALLOW_VARIABLE) == "1"


def is_public(address: str) -> bool:
    """Whether an IP address, as `socket.getaddrinfo` gives it, is one of the public internet's.

    An IPv6 address that embeds an IPv4 address (mapped, 6to4, NAT64) counts as that.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if (embedded := _embedded(parsed)) is not None:
            return is_public(str(embedded))
        if parsed not in _UNICAST or parsed in _DOCUMENTATION:
            return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved)


async def public_session(**options: Any) -> Any:
    """A session of aiohttp that connects to public addresses only. options: the session's own."""
    from aiohttp import ClientSession, TCPConnector

    return ClientSession(connector=TCPConnector(socket_factory=_public_socket), middlewares=(_checked,), **options)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    return address.ipv4_mapped


def _public_socket(info: Any) -> socket.socket:
    """The socket of one connection, to the address in `info`. A proxy may have any address."""
    family, kind, protocol, _, address = info
    if not (_is_proxied.get() or is_public(address[0])):
        raise PrivateAddressError("not a public address")
    return socket.socket(family, kind, protocol)


async def _checked(request: Any, send: Any) -> Any:
    """aiohttp calls it for each request, that of a redirect too."""
    if request.proxy is not None:
        await _check_name(request.url.raw_host, request.url.port)
    token = _is_proxied.set(request.proxy is not None)
    try:
        return await send(request)
    finally:
        _is_proxied.reset(token)


async def _check_name(host: str, port: int) -> None:
    """Raise PrivateAddressError if a name, or a spelling of an address, is known to be a private one's."""
    if host.rstrip(".").lower().rpartition(".")[2] in _PRIVATE_NAMES:
        raise PrivateAddressError("not a public name")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:  # only the proxy knows it
        return
    if not all(is_public(str(address[0])) for *_, address in found):
        raise PrivateAddressError("not a public address")
