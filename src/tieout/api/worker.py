"""One server process: it accepts on the socket it was given, until it is told to end or its store breaks."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from tieout.api.limits import CONNECTIONS_BACKLOG_MAX, KEEP_ALIVE_SECONDS, SHUTDOWN_SECONDS_MAX
from tieout.api.protocol import BoundedProtocol
from tieout.api.serving import Serving
from tieout.wiring import open_home

BROKEN = 70
"""Exit code of a worker whose store failed; the supervisor starts a new one."""
SEARCHED_AFTER = (10_000, 5, 10)
"""Records before memory is searched for circles. What requests make goes by itself: after Python's own 700
the search only costs.
"""


def run_worker(folder: Path, listening: socket.socket, ready: int) -> int:
    """Serves until SIGTERM; everything taken in is answered before it returns. `ready`: a pipe to write to
    once requests can be answered. Returns the exit code.
    """
    gc.set_threshold(*SEARCHED_AFTER)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="tieout: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # uvicorn takes both over, and raises them again at its end
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open_home(folder) as home:
        serving = Serving(home, on_ready=lambda: _tell(ready), leave=lambda: _leave(server))
        config = uvicorn.Config(
            serving,
            http=BoundedProtocol,
            loop="uvloop",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=CONNECTIONS_BACKLOG_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
        )
        server = uvicorn.Server(config)
        server.run(sockets=[listening])
        if serving.start_failure is not None:
            raise serving.start_failure
        if serving.failure is None:
            return 0
        logging.getLogger("tieout").error("%s", serving.failure)
        return BROKEN


def _tell(ready: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # who was started again is not waited for
        os.write(ready, b"r")
    os.close(ready)


def _leave(server: uvicorn.Server) -> None:
    server.should_exit = True
