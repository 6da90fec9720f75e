"""Has a command run by the server at a socket, with this process' streams, environment and folder.

Nothing but the standard library, so that as a program (`python -IS asking.py SOCKET ARGUMENTS`) it starts at
once: scripts of shells call it in the place of `tieout`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence

LENGTH_BYTES = 8


def ask(
    address: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    streams: Sequence[int],
    folder: str | None = None,
) -> int:
    """The exit code, the negative number of a signal where one killed it."""
    order = {
        "arguments": list(arguments),
        "environment": dict(environment),
        "folder": folder or os.getcwd(),
    }
    content = json.dumps(order).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [len(content).to_bytes(LENGTH_BYTES, "big")], list(streams))
        connection.sendall(content)
        answer = connection.makefile("rb").read()
    if not answer:
        raise ConnectionError("the server of commands did not answer")
    return int(answer)


def main() -> None:
    code = ask(sys.argv[1], sys.argv[2:], environment=os.environ, streams=(0, 1, 2))
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
