"""Connections to addresses that were judged: a name is resolved once, every address it has must be allowed,
and the socket goes to one of exactly those. Nothing that is said later can lead it elsewhere.

The system's resolver has no time-out, so it is asked in a thread that may be left behind. A watchdog ends the
conversation when its time is over, however slowly the other side drips.
"""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import h11

from tieout.notice.egress import EgressRules, refused_address, refused_port

CONNECT_SECONDS_MAX: Final = 5
ADDRESSES_TRIED_MAX: Final = 4
RESOLUTIONS_AT_ONCE_MAX: Final = 64

Resolve = Callable[[str, int], Sequence[str]]
_resolving = threading.BoundedSemaphore(RESOLUTIONS_AT_ONCE_MAX)


class EgressRefused(Exception):
    """The guard says no; nothing was connected to."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """An end on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds. Raises `TimeoutError` where none are left."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver gives, IPv4 and IPv6, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def dial(
    host: str, port: int, *, usual: frozenset[int], rules: EgressRules, deadline: Deadline, resolve: Resolve
) -> socket.socket:
    """A connection to an allowed address. Raises `EgressRefused`, `TimeoutError` or `OSError`."""
    wrong = refused_port(port, usual, rules)
    if wrong is not None:
        raise EgressRefused(f"{wrong}; `tieout notice egress --port` allows more")
    addresses = _within(resolve, host, port, deadline)
    if not addresses:
        raise OSError("the name has no address")
    for address in addresses:
        wrong = refused_address(address, rules)
        if wrong is not None:
            raise EgressRefused(f"{address} {wrong}")
    failure: OSError = TimeoutError()
    for address in addresses[:ADDRESSES_TRIED_MAX]:
        try:
            return _connected(address, port, min(CONNECT_SECONDS_MAX, deadline.left()))
        except OSError as error:
            failure = error
    raise failure


@contextmanager
def ended_by(deadline: Deadline, sock: socket.socket) -> Iterator[None]:
    """Shuts the connection down when the time is over, so that whatever waits on it fails then; closes it at
    the end. A copy of the descriptor is held, since TLS takes the original over. Raises `TimeoutError`
    instead of whatever the end of the connection looked like.
    """
    held = sock.dup()
    ended = threading.Event()

    def end() -> None:
        ended.set()
        _shut(held)

    watchdog = threading.Timer(deadline.left(), end)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    except (OSError, h11.ProtocolError, smtplib.SMTPException) as error:
        if ended.is_set():
            raise TimeoutError from error
        raise
    finally:
        watchdog.cancel()
        watchdog.join()
        _shut(held)
        held.close()


def _connected(address: str, port: int, seconds: float) -> socket.socket:
    """`address` is no name: the socket goes nowhere else."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _within(resolve: Resolve, host: str, port: int, deadline: Deadline) -> list[str]:
    """What the resolver says before the deadline."""
    answer: list[Sequence[str] | OSError] = []

    def ask() -> None:
        try:
            answer.append(resolve(host, port))
        except (OSError, UnicodeError) as error:
            answer.append(error if isinstance(error, OSError) else OSError("the name cannot be resolved"))
        finally:
            _resolving.release()

    if not _resolving.acquire(timeout=deadline.left()):
        raise TimeoutError
    asking = threading.Thread(target=ask, name="resolver", daemon=True)
    asking.start()
    asking.join(min(CONNECT_SECONDS_MAX, deadline.left()))
    if not answer:
        raise TimeoutError
    if isinstance(answer[0], OSError):
        raise answer[0]
    return list(answer[0])
