"""Real receivers as processes of their own: an HTTP server and a mail server that write down what they got.

`receivers.py http FILE [--tls CERT KEY]` and `receivers.py smtp FILE [--tls CERT KEY] [--account USER WORD]`
print their port and serve until they are killed. What the HTTP server does depends on the path.
"""

from __future__ import annotations

import contextlib
import json
import random
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SECRET_TEXT = "the receiver's own words"
"""In every answer's body and status line; it must appear nowhere."""


@dataclass(frozen=True)
class Receiver:
    """A running process: its port, and the file into which it writes what it got."""

    port: int
    file: Path
    process: subprocess.Popen[str]

    def got(self) -> list[dict[str, Any]]:
        text = self.file.read_text() if self.file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def url(self, path: str = "/ok", *, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def receiver(kind: str, file: Path, *options: str) -> Iterator[Receiver]:
    command = [sys.executable, __file__, kind, str(file), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Receiver(int(process.stdout.readline()), file, process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself, for one name, and its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file


def is_flaky(file: Path, percent: int) -> bool:
    return not file.with_name(f"{file.name}.calm").exists() and random.random() * 100 < percent


def _tls(options: list[str]) -> ssl.SSLContext | None:
    if "--tls" not in options:
        return None
    place = options.index("--tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options[place + 1], options[place + 2])
    return context


class Handler(BaseHTTPRequestHandler):
    """Writes down what it gets, and answers as the path says."""

    file: Path
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        said = {
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(),
            "at": time.time(),
        }
        with self.file.open("a") as out:
            out.write(json.dumps(said) + "\n")
        name, _, rest = self.path.strip("/").partition("/")
        getattr(self, f"answer_{name.replace('-', '_')}")(rest)

    def answer(self, code: int, *headers: tuple[str, str], body: bytes = SECRET_TEXT.encode()) -> None:
        self.send_response(code, SECRET_TEXT)
        for each, value in headers:
            self.send_header(each, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_ok(self, _: str) -> None:
        self.answer(200)

    def answer_code(self, rest: str) -> None:
        self.answer(int(rest))

    def answer_flaky(self, rest: str) -> None:
        """So many of a hundred fail in one way or another, until there is a file FILE.calm."""
        if not is_flaky(self.file, int(rest)):
            self.answer(200)
        elif random.random() < 0.5:
            self.answer(random.choice((500, 503, 429)))
        else:
            self.close_connection = True

    def answer_later(self, rest: str) -> None:
        self.answer(503, ("retry-after", rest))

    def answer_first_fails(self, rest: str) -> None:
        got = [json.loads(line)["path"] for line in self.file.read_text().splitlines()]
        self.answer(500 if got.count(self.path) <= int(rest) else 204, body=b"")

    def answer_redirect(self, _: str) -> None:
        self.answer(307, ("location", f"http://127.0.0.1:{self.server.server_address[1]}/ok/followed"))

    def answer_hang(self, _: str) -> None:
        time.sleep(60)

    def answer_drip(self, _: str) -> None:
        """A header that never ends, a byte now and then: no read of it times out by itself."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _second in range(600):
            self.wfile.write(b"a")
            self.wfile.flush()
            time.sleep(0.1)

    def answer_endless(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n")
        while True:
            self.wfile.write(b"x" * 65_536)

    def answer_long_head(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"x" * 1_000_000 + b"\r\n\r\n")

    def answer_nonsense(self, _: str) -> None:
        self.wfile.write(b"SSH-2.0-" + SECRET_TEXT.encode() + b"\r\n")
        self.close_connection = True

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # whoever had enough goes away
            super().handle()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _serve_http(file: Path, options: list[str]) -> None:
    Handler.file = file
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = _tls(options)
    if context is not None:

        def named(_connection: ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            with file.open("a") as out:
                out.write(json.dumps({"sni": name}) + "\n")

        context.sni_callback = named  # type: ignore[assignment]
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def _serve_smtp(file: Path, options: list[str]) -> None:
    import asyncio
    from email import message_from_bytes, policy

    from aiosmtpd.smtp import SMTP, AuthResult

    class Handler:
        async def handle_RCPT(self, _s: Any, _n: Any, envelope: Any, address: str, _o: Any) -> str:
            if address.startswith("gone"):
                return f"550 {SECRET_TEXT}"
            if address.startswith("busy") or (address.startswith("flaky") and is_flaky(file, 30)):
                return f"451 {SECRET_TEXT}"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _s: Any, session: Any, envelope: Any) -> str:
            mail = message_from_bytes(envelope.content, policy=policy.default)
            said = {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "headers": {name.lower(): str(value) for name, value in mail.items()},
                "count": len(mail.keys()),
                "text": mail.get_content(),
                "tls": session.ssl is not None,
                "user": None if session.auth_data is None else session.auth_data.login.decode(),
            }
            with file.open("a") as out:
                out.write(json.dumps(said) + "\n")
            return "250 taken"

    context = _tls(options)
    account = None
    if "--account" in options:
        place = options.index("--account")
        account = (options[place + 1], options[place + 2])

    def allowed(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        right = (data.login.decode(), data.password.decode()) == account
        return AuthResult(success=right, handled=False, auth_data=data)

    async def main() -> None:
        def protocol() -> SMTP:
            return SMTP(
                Handler(),
                tls_context=context,
                require_starttls=context is not None,
                authenticator=allowed,
                auth_required=account is not None,
                hostname="receiver",
            )

        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


if __name__ == "__main__":
    {"http": _serve_http, "smtp": _serve_smtp}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
