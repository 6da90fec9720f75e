"""The ports `Secrets` and `Egress`: two small files in the home's folder, which no backup of the databases
contains.

`secrets.json` is readable by its owner only, and is refused otherwise. A secret may also stand in the
environment, as `TIEOUT_SECRET_` and its name in capitals with underscores; several valid ones are separated
by white space, the newest first. Those of the environment go before the file.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tieout.contract.own_target import ROOT_SECRET, own_secrets
from tieout.kernel.errors import IntegrityViolation, Refusal
from tieout.kernel.instant import Instant, MalformedInstant, format_instant, parse_instant
from tieout.notice.egress import EgressRules
from tieout.ports.outbound import HeldSecret

SECRETS_FILE: Final = "secrets.json"
LOCK_FILE: Final = "secrets.lock"
EGRESS_FILE: Final = "egress.json"
VARIABLE: Final = "TIEOUT_SECRET_"
VALID_AT_ONCE_MAX: Final = 2
VALUE_LENGTH_MAX: Final = 4_096
FILE_BYTES_MAX: Final = 1_048_576


class SecretsExposed(Refusal):
    """Others may read the file; what is in it is no secret any more."""

    code = "secrets-exposed"

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} is readable by others: chmod 600 it, and rotate the secrets in it.")


class SettingsDamaged(IntegrityViolation):
    """The file is not what this program wrote."""

    code = "settings-damaged"

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} cannot be read as what `tieout notice` wrote there.")


@dataclass(frozen=True, slots=True)
class FileSecrets:
    """The port `Secrets`."""

    folder: Path

    def valid(self, name: str, *, now: Instant) -> tuple[str, ...]:
        given = os.environ.get(VARIABLE + name.upper().replace("-", "_"), "").split()
        if given:
            return tuple(given[:VALID_AT_ONCE_MAX])
        derived = own_secrets(name, self.valid(ROOT_SECRET, now=now)) if "#" in name else None
        if derived is not None:
            return derived
        entries = self._read().get(name, [])
        return tuple(value for value, held in entries if held.until is None or now < held.until)

    def held(self) -> tuple[HeldSecret, ...]:
        return tuple(held for _, entries in sorted(self._read().items()) for _, held in entries)

    def put(self, name: str, value: str, *, at: Instant, old_until: Instant) -> None:
        with self._alone():
            self._put(name, value, at=at, old_until=old_until)

    def once(self, name: str, value: str, *, at: Instant) -> str:
        with self._alone():
            standing = self.valid(name, now=at)
            if standing:
                return standing[0]
            self._put(name, value, at=at, old_until=at)
            return value

    def _put(self, name: str, value: str, *, at: Instant, old_until: Instant) -> None:
        found = self._read()
        before = [
            (old, HeldSecret(name, held.since, held.until or old_until)) for old, held in found.get(name, [])
        ]
        still = [(old, held) for old, held in before if held.until is not None and at < held.until]
        found[name] = [(value, HeldSecret(name, at, None)), *still][:VALID_AT_ONCE_MAX]
        self._write(found)

    def remove(self, name: str) -> bool:
        with self._alone():
            found = self._read()
            if found.pop(name, None) is None:
                return False
            self._write(found)
            return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process or thread changes the file meanwhile; readers wait for nobody."""
        descriptor = os.open(self.folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> dict[str, list[tuple[str, HeldSecret]]]:
        file = self.folder / SECRETS_FILE
        try:
            with file.open("rb") as opened:
                if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                    raise SecretsExposed(file)
                text = opened.read(FILE_BYTES_MAX)
        except FileNotFoundError:
            return {}
        try:
            return {
                name: [(each["value"], _held(name, each)) for each in entries]
                for name, entries in json.loads(text).items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, MalformedInstant) as error:
            raise SettingsDamaged(file) from error

    def _write(self, found: Mapping[str, list[tuple[str, HeldSecret]]]) -> None:
        said = {
            name: [
                {
                    "value": value,
                    "since": format_instant(held.since),
                    "until": None if held.until is None else format_instant(held.until),
                }
                for value, held in entries
            ]
            for name, entries in found.items()
        }
        _replace(self.folder / SECRETS_FILE, json.dumps(said, indent=2))


@dataclass(frozen=True, slots=True)
class FileEgress:
    """The port `Egress`. Where there is no file, only public addresses and the usual ports are allowed."""

    folder: Path

    def rules(self) -> EgressRules:
        file = self.folder / EGRESS_FILE
        try:
            said = json.loads(file.read_bytes()[:FILE_BYTES_MAX])
            return EgressRules(
                said["allow_private_targets"] is True,
                frozenset(int(p) for p in said["ports"]),
                said.get("allow_private_customer_targets") is True,
            )
        except FileNotFoundError:
            return EgressRules()
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsDamaged(file) from error

    def change(self, rules: EgressRules) -> None:
        said = {
            "allow_private_targets": rules.allow_private,
            "allow_private_customer_targets": rules.customers_private,
            "ports": sorted(rules.ports),
        }
        _replace(self.folder / EGRESS_FILE, json.dumps(said, indent=2))


def _held(name: str, each: Mapping[str, str | None]) -> HeldSecret:
    until = each["until"]
    return HeldSecret(
        name, parse_instant(each["since"] or ""), None if until is None else parse_instant(until)
    )


def _replace(file: Path, text: str) -> None:
    """All or nothing, and nobody else's to read at any moment."""
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        os.fchmod(opened.fileno(), 0o600)
        opened.write(text + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)
