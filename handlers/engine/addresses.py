"""Where a host is: its addresses, asked for once for all who want them at one time, and again when they are old."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from time import monotonic

from aiohappyeyeballs import AddrInfoType, start_connection

Infos = list[AddrInfoType]

KNOWN_FOR = 15.0
"""Seconds. Names move, and whoever makes hundreds of connections in one moment need not ask as often."""
NEXT_ADDRESS_AFTER = 0.25
"""Seconds until the next address is tried beside the one that has not answered (RFC 8305, section 5)."""
QUIET = (("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""A model may think for minutes; probes keep its connection in the tables of what is between, and notice its death."""


class Addresses:
    """What the system says about hosts, for a little while."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, asyncio.Task[Infos]]] = {}

    async def of(self, host: str, port: int) -> Infos:
        """The addresses of a host. OSError (socket.gaierror) if it has none; UnicodeError if it cannot have any."""
        numeric = numeric_address(host, port)
        if numeric is not None:
            return [numeric]
        place = (host, port)
        until, asking = self._known.get(place, (0.0, None))
        if asking is None or monotonic() > until:
            asking = asyncio.get_running_loop().create_task(looked_up(host, port))
            asking.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._known[place] = (monotonic() + KNOWN_FOR, asking)
        try:
            return await asyncio.shield(asking)
        except (OSError, UnicodeError):
            self.forget(host, port)
            raise

    def forget(self, host: str, port: int) -> None:
        """Ask again next time: nobody was there."""
        self._known.pop((host, port), None)


def numeric_address(host: str, port: int) -> AddrInfoType | None:
    """The address that a host's name is already; None if it is a name."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    if "%" in host:
        return None  # a scope has a number that the system knows
    place = (host, port) if version == 4 else (host, port, 0, 0)
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place


async def looked_up(host: str, port: int) -> Infos:
    loop = asyncio.get_running_loop()
    return list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))


async def connected(infos: Infos) -> socket.socket:
    """A socket that is connected to the first of the addresses that answers. OSError if none does."""
    found = await start_connection(infos, happy_eyeballs_delay=NEXT_ADDRESS_AFTER)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in QUIET:
        if (option := getattr(socket, name, None)) is not None:
            found.setsockopt(socket.IPPROTO_TCP, option, value)
    return found
