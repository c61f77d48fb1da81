"""Which machines a URL may lead to: those of the public internet alone, unless their owner allows others.

A cell of a labels file is somebody else's text. Without this it could have this machine ask its own services, those of
its network or a cloud's metadata for something, directly or by a redirect, and by a name that means another machine
the second time it is looked up: so the address that is connected to is checked, not the one that was looked up before.
"""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

ALLOW_VARIABLE = "OVERREAD_ALLOW_PRIVATE_URLS"
"""Set to 1, it allows every address."""
ANSWER_TIMEOUT_S = 60
"""Until a server has sent the head of its answer, however slowly."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_FOLLOWED = ("__cause__", "__context__", "os_error")


class PrivateAddressError(OSError):
    """A URL leads to this machine, its network or another address that is not public."""


def are_private_allowed() -> bool:
    return os.environ.get(ALLOW_VARIABLE) == "1"


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whatever it is wrapped in. False for what is no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return False
    inner = _inner(found)
    return (
        found.is_global and not found.is_multicast and (inner is None or (inner.is_global and not inner.is_multicast))
    )


def leads_to_private_address(error: BaseException) -> bool:
    """Whether a PrivateAddressError is what an error comes from."""
    return any(isinstance(one, PrivateAddressError) for one in _chain(error, set()))


async def open_session(**options: Any) -> Any:
    """An aiohttp session that connects to public addresses alone, as fsspec asks for one."""
    import aiohttp

    class PublicResolver(aiohttp.ThreadedResolver):
        async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[Any]:
            found = await super().resolve(host, port, family)
            if are_private_allowed() or host in _proxies():
                return found
            if public := [entry for entry in found if is_public(entry["host"])]:
                return public
            raise PrivateAddressError("not a public address")

    async def check(request: Any, send: Any) -> Any:
        # Called for each redirect too. A host that is an address is never looked up, and one behind a proxy not here.
        host = request.url.host or ""
        if not are_private_allowed() and (_is_address(host) or request.proxy) and not await _is_host_public(host):
            raise PrivateAddressError("not a public address")
        return await asyncio.wait_for(send(request), ANSWER_TIMEOUT_S)

    options.pop("loop", None)
    connector = aiohttp.TCPConnector(resolver=PublicResolver())
    return aiohttp.ClientSession(connector=connector, middlewares=(check,), **options)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


async def _is_host_public(host: str) -> bool:
    if _is_address(host):
        return is_public(host)
    with suppress(OSError):  # a name that the proxy alone can look up
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
        return all(is_public(entry[4][0]) for entry in found)
    return not host.lower().endswith((".local", ".localhost", ".internal")) and host.lower() != "localhost"


def _proxies() -> set[str]:
    """Hosts of the environment's proxies: its owner chose them."""
    return {urlsplit(url).hostname or "" for url in getproxies().values()} - {""}


def _inner(address: Any) -> Any:
    """The IPv4 address that an IPv6 one stands for, if any."""
    if address.version == 4:
        return None
    if address in _NAT64:
        return ipaddress.ip_address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _chain(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for name in _FOLLOWED:
        part = getattr(error, name, None)
        if isinstance(part, BaseException):
            yield from _chain(part, seen)
