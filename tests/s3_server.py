"""A real server process that speaks the S3 API, and a proxy that cuts what is sent to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyarrow import fs

BUCKET = "usage"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@dataclass(slots=True)
class S3Server:
    """The process, and where it listens. What is in it is gone when it stops."""

    process: subprocess.Popen[bytes]
    endpoint: str

    def stop(self) -> None:
        """Ends it; the port then refuses connections."""
        self.process.terminate()
        self.process.wait(10)

    def object_keys(self) -> list[str]:
        """The keys of all objects, sorted; without the empty ones that clients make to show folders."""
        with urllib.request.urlopen(f"{self.endpoint}/{BUCKET}?list-type=2", timeout=20) as answer:
            text = answer.read().decode()
        found = sorted(part.split("</Key>")[0] for part in text.split("<Key>")[1:])
        return [key for key in found if not key.endswith("/")]

    def read(self, key: str) -> bytes:
        with urllib.request.urlopen(f"{self.endpoint}/{BUCKET}/{key}", timeout=20) as answer:
            content: bytes = answer.read()
        return content

    def write(self, key: str, content: bytes) -> None:
        with self._files().open_output_stream(f"{BUCKET}/{key}") as sink:
            sink.write(content)

    def delete(self, key: str) -> None:
        self._files().delete_file(f"{BUCKET}/{key}")

    def _files(self) -> fs.S3FileSystem:
        host = self.endpoint.removeprefix("http://")
        return fs.S3FileSystem(
            access_key=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            secret_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region=CREDENTIALS["AWS_REGION"],
            endpoint_override=host,
            scheme="http",
        )


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server with one empty bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **CREDENTIALS}
    )
    server = S3Server(process, f"http://127.0.0.1:{port}")
    try:
        _wait_for(port, process)
        request = urllib.request.Request(f"{server.endpoint}/{BUCKET}", method="PUT")
        urllib.request.urlopen(request, timeout=20).close()
        yield server
    finally:
        process.kill()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start")


class CuttingProxy:
    """Passes bytes on to a server, and cuts each connection once it has passed `after` bytes of a request."""

    def __init__(self, target: str) -> None:
        host, port = target.removeprefix("http://").split(":")
        self._target = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.after: int | None = None
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        passed = 0
        try:
            while content := source.recv(4096):
                passed += len(content)
                if counted and self.after is not None and passed > self.after:
                    self.cuts += 1
                    break
                sink.sendall(content)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
