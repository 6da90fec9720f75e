"""`tieout serve`: one process that listens, starts the others, and starts again what dies.

It imports everything once and forks, so that a worker is there at once; it opens no database itself while it
serves and has one thread, so that a fork is safe. Each worker has a listening socket of its own on the same
address (SO_REUSEPORT), which the supervisor keeps open too: connections that wait outlive their worker.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tieout.api.answers import unavailable
from tieout.api.closer import run_closer
from tieout.api.deliverer import run_deliverer
from tieout.api.follower import run_follower
from tieout.api.keeper import run_keeper
from tieout.api.limits import (
    CONNECTIONS_BACKLOG_MAX,
    RESTART_SECONDS_MAX,
    SHUTDOWN_SECONDS_MAX,
    START_SECONDS_MAX,
)
from tieout.api.looker import run_looker
from tieout.api.turning_away import turn_away
from tieout.api.worker import run_worker
from tieout.kernel.errors import Refusal, TieoutError, Unavailable
from tieout.wiring import open_home, storage_failure

WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
KILL_AFTER_SECONDS = SHUTDOWN_SECONDS_MAX + 5
REPEAT_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 0.05
STEADY_SECONDS = 5
"""A process that lived so long did not die of its start."""
COLLECT_AFTER = (50_000, 20, 50)
"""Of each process: after how many new objects Python looks for cycles among the youngest, and after how many
such looks among the older. What a catalog of many customers becomes lives long and has none; to walk through
all of it stops everything for as long as a second, and Python would begin to after every 70,000 new objects.
"""


class CannotListen(Refusal):
    """The address is taken, not ours, or no address."""

    code = "cannot-listen"

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(f"cannot listen on {host} port {port}: {why}")


class WorkersFailed(Unavailable):
    """No server process came up."""

    code = "workers-failed"

    def __init__(self) -> None:
        super().__init__("a server process did not start; what it said stands above")


@dataclass(slots=True)
class _Post:
    """A task that always has a process, and how that fares."""

    name: str
    work: Callable[[int], int]
    listening: socket.socket | None = None
    pid: int = 0
    started: float = 0
    pause: float = FIRST_PAUSE_SECONDS
    due: float = 0


@dataclass(slots=True)
class Supervisor:
    """Runs until SIGTERM or SIGINT."""

    folder: Path
    host: str
    port: int
    workers: int
    say: Callable[[str], None]
    closes: bool = True
    delivers: bool = True
    _posts: list[_Post] = field(default_factory=list)
    _listening: list[socket.socket] = field(default_factory=list)

    def run(self) -> int:
        """Raises what opening the home raises, `CannotListen` or `WorkersFailed`. Returns the exit code."""
        with open_home(self.folder) as home:  # one that cannot be opened is refused before anything listens
            if home.test_clock is not None:
                self.say("TEST CLOCK: a scratch home, whose time stands still until `tieout clock step`.")
        self._listening = listeners(self.host, self.port, self.workers)
        self.port = self._listening[0].getsockname()[1]
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        self._posts = [
            _Post(f"worker {number + 1}", _worker(self.folder, sock), sock)
            for number, sock in enumerate(self._listening)
        ]
        if self.closes:
            self._posts.append(_Post("closer", lambda _: run_closer(self.folder)))
        if self.delivers:
            self._posts.append(_Post("deliverer", lambda _: run_deliverer(self.folder)))
        self._posts.append(_Post("follower", lambda _: run_follower(self.folder)))
        self._posts.append(_Post("looker", lambda _: run_looker(self.folder, answers=self.closes)))
        self._posts.append(_Post("keeper", lambda _: run_keeper(self.folder)))
        try:
            self._start_all()
            host = f"[{self.host}]" if ":" in self.host else self.host
            count = "1 worker" if self.workers == 1 else f"{self.workers} workers"
            self.say(f"tieout: serving {self.folder} on http://{host}:{self.port} with {count}")
            self._watch()
        finally:
            self._end_all()
        return 0

    def _start_all(self) -> None:
        waiting = {self._start(post): post for post in self._posts if post.listening is not None}
        for post in self._posts:
            if post.listening is None:
                os.close(self._start(post))
        until = time.monotonic() + START_SECONDS_MAX
        while waiting:
            readable, _, _ = select.select(list(waiting), [], [], max(0, until - time.monotonic()))
            if not readable:
                raise WorkersFailed
            for pipe in readable:
                told = os.read(pipe, 1)
                os.close(pipe)
                del waiting[pipe]
                if not told:
                    raise WorkersFailed

    def _start(self, post: _Post) -> int:
        """Forks; returns the pipe on which the child says that it is ready."""
        ready, tell = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            for sock in self._listening:
                if sock is not post.listening:
                    sock.close()
            _become(post, tell)
        os.close(tell)
        post.pid, post.started = pid, time.monotonic()
        return ready

    def _watch(self) -> None:
        while True:
            now = time.monotonic()
            due = [post.due for post in self._posts if not post.pid]
            caught = signal.sigtimedwait(WATCHED, max(0.0, min(due) - now) if due else 60.0)
            if caught is not None and caught.si_signo != signal.SIGCHLD:
                return
            self._reap()
            for post in self._posts:
                if not post.pid and post.due <= time.monotonic():
                    os.close(self._start(post))

    def _reap(self) -> None:
        for post, status in self._dead():
            lived = time.monotonic() - post.started
            post.pause = FIRST_PAUSE_SECONDS if lived > STEADY_SECONDS else post.pause * 2
            post.pause = min(post.pause, RESTART_SECONDS_MAX)
            post.due = time.monotonic() + post.pause
            self.say(f"tieout: {post.name} ended with {status}; another one is started")

    def _dead(self) -> list[tuple[_Post, int]]:
        found = []
        for post in self._posts:
            if post.pid:
                pid, status = os.waitpid(post.pid, os.WNOHANG)
                if pid:
                    post.pid = 0
                    found.append((post, os.waitstatus_to_exitcode(status)))
        return found

    def _end_all(self) -> None:
        """Asks every process to end, again and again, since one that was just forked does not listen yet."""
        for sock in self._listening:
            sock.close()
        kill_at = time.monotonic() + KILL_AFTER_SECONDS
        while any(post.pid for post in self._posts):
            number = signal.SIGTERM if time.monotonic() < kill_at else signal.SIGKILL
            for post in self._posts:
                if post.pid:
                    os.kill(post.pid, number)
            until = time.monotonic() + REPEAT_SECONDS
            while any(post.pid for post in self._posts) and time.monotonic() < until:
                signal.sigtimedwait({signal.SIGCHLD}, 0.05)
                for post, status in self._dead():
                    if status:
                        self.say(f"tieout: {post.name} ended with {status} while the server ended")


def listeners(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` sockets that listen on one address. Raises `CannotListen`."""
    found: list[socket.socket] = []
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        probe = socket.socket(family, kind)
        with probe:  # without SO_REUSEPORT, so that another server on this address is noticed
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            address = probe.getsockname()
        for _ in range(count):
            sock = socket.socket(family, kind)
            found.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address)
            sock.listen(CONNECTIONS_BACKLOG_MAX)
    except OSError as error:
        for sock in found:
            sock.close()
        raise CannotListen(host, port, error.strerror or str(error)) from error
    return found


def _worker(folder: Path, listening: socket.socket) -> Callable[[int], int]:
    return lambda ready: run_worker(folder, listening, ready)


def _become(post: _Post, ready: int) -> None:
    """The child's whole life; it never returns into the supervisor's code."""
    code = 1
    gc.set_threshold(*COLLECT_AFTER)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        code = post.work(ready)
    except BaseException as error:  # noqa: BLE001 - whatever it dies of is told, and the supervisor sees the code
        refusal = _refusal_of(error)
        if refusal is None:
            traceback.print_exc()
        else:
            print(f"tieout: {refusal}", file=sys.stderr)
            code = refusal.exit_code
            if post.listening is not None:
                turn_away(post.listening, unavailable(refusal.code, str(refusal)).answer())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _refusal_of(error: BaseException) -> TieoutError | None:
    """What a person is told, for a failure that is no defect."""
    if isinstance(error, TieoutError):
        return error
    return storage_failure(error) if isinstance(error, Exception) else None
