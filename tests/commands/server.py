"""`python -m tests.commands.server SOCKET` runs commands for others until its standard input ends.

Each order is served by a fork, which forks once more and waits for the command: commands may run at once.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import select
import socket
import sys
import time
import traceback
from typing import NoReturn

import tieout.cli
import tieout.flows
from tests.commands.asking import LENGTH_BYTES


def load_all() -> None:
    """Whatever a command may import, so that no fork has to."""
    for package in (tieout.cli, tieout.flows):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    importlib.import_module("tieout.wiring")


def command(order: dict[str, object], streams: list[int]) -> NoReturn:
    """This process becomes the command."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(order["environment"])  # type: ignore[call-overload]
    time.tzset()
    os.chdir(str(order["folder"]))
    sys.argv = ["tieout", *order["arguments"]]  # type: ignore[misc]
    code: object = 0
    try:
        tieout.cli.main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter does; a fork must never go on as its parent
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120
    os._exit(code if isinstance(code, int) else int(code is not None))


def serve_one(connection: socket.socket) -> NoReturn:
    length, streams, _, _ = socket.recv_fds(connection, LENGTH_BYTES, 3)
    content = connection.makefile("rb").read(int.from_bytes(length, "big"))
    child = os.fork()
    if child == 0:
        command(json.loads(content), streams)
    for stream in streams:
        os.close(stream)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(str(code).encode())
    os._exit(0)


def collected(running: int) -> int:
    """How many of these forks still run; what the others used is then counted as this process' own."""
    while running and os.waitpid(-1, os.WNOHANG) != (0, 0):
        running -= 1
    return running


def main() -> None:
    load_all()
    sys.modules["__main__"].__package__ = None  # the program is called `tieout`
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(sys.argv[1])
    listening.listen(64)
    print("ready", flush=True)
    running = 0
    while True:
        readable, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in readable:
            collected(running)
            return
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            serve_one(connection)
        connection.close()
        running = collected(running + 1)


if __name__ == "__main__":
    main()
