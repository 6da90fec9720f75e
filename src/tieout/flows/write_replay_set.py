"""Writes the face of a replay set: what is frozen, and who stands for which expectations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from tieout.contract.problem import Problem
from tieout.flows.read_replay_set import BadReplaySet, NoReplaySet, file_digests
from tieout.kernel.errors import ConflictError, Refusal, shown
from tieout.kernel.instant import Instant, format_instant
from tieout.replay.declared import declared, replaces
from tieout.replay.face import (
    FACE_FILE,
    NAME_PATTERN,
    Declared,
    Expected,
    Face,
    Origin,
    What,
    face_text,
    parse_face,
)
from tieout.replay.stated import parse_stated

EXPECTED_FOLDER = "expected"


class FolderTaken(ConflictError):
    """A set is never written over something else."""

    code = "folder-taken"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is there and not empty; a set gets a folder of its own.")


class BadSetName(Refusal):
    """The name of a set is part of file names."""

    code = "bad-set-name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{shown(name)} is no name of a set: use 1 to 64 small letters, digits, dots, underscores or "
            "hyphens."
        )


class NothingSaysWhy(Refusal):
    """What somebody stated is not replaced without a word."""

    code = "nothing-says-why"

    def __init__(self, old: Declared) -> None:
        super().__init__(
            f"{old.file} was declared by {old.by} with other content: say --why it is replaced. The earlier "
            "one stays on record, and the set is a gate only if another source stands for the new one."
        )


def new_set(folder: Path, face: Face) -> None:
    """An empty folder with a face; calls and their files are written into it, then `freeze` ends it. Raises
    `FolderTaken` or `BadSetName`."""
    if NAME_PATTERN.match(face.name) is None:
        raise BadSetName(face.name)
    check_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FACE_FILE).write_text(face_text(face), encoding="utf-8")


def check_free(folder: Path) -> None:
    """Raises `FolderTaken` where anything is in the way of a new set."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderTaken(folder)


def freeze(folder: Path) -> Face:
    """Writes down the digest of every file that is no expectation, as it is now. Raises `NoReplaySet` and
    `BadReplaySet`."""
    face = _face(folder)
    stated = {each.file for each in face.expected}
    digests = file_digests(folder)
    files = {name: digests[name] for name in digests if name != FACE_FILE and name not in stated}
    return write_face(folder, replace(face, files=files))


@dataclass(frozen=True, slots=True)
class Taken:
    """`replaced`: what somebody outside had declared of the file, where that was something else."""

    stated: Expected
    replaced: Declared | None


def expect(
    folder: Path,
    content: bytes,
    *,
    name: str,
    what: What,
    origin: Origin,
    by: str,
    at: Instant | None = None,
    why: str | None = None,
) -> Taken:
    """Takes a file of expectations into the set, with who stands for it. One of the same name is replaced,
    and what it had declared stays on record. Raises `NoReplaySet`, `NothingSaysWhy`, and `BadReplaySet` with
    every problem of it; then nothing has changed."""
    face = _face(folder)
    file = f"{EXPECTED_FOLDER}/{name}"
    stated = Expected(file, what, origin, by, sha256(content).hexdigest())
    old = replaces(face, stated)
    if old is not None and not (why or "").strip():
        raise NothingSaysWhy(old)
    try:
        _, problems = parse_stated(file, content.decode("utf-8"), what)
    except UnicodeDecodeError as error:
        problems = [Problem(file, "", "", f"is not UTF-8 at byte {error.start}")]
    if problems:
        raise BadReplaySet(folder, tuple(problems))
    (folder / EXPECTED_FOLDER).mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    files = {each: digest for each, digest in face.files.items() if each != file}
    said = declared(face, stated, at=None if at is None else format_instant(at), why=why)
    write_face(folder, replace(said, files=files))
    return Taken(stated, old)


def _face(folder: Path) -> Face:
    if not (folder / FACE_FILE).is_file():
        raise NoReplaySet(folder)
    try:
        face, problems = parse_face((folder / FACE_FILE).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        face, problems = None, [Problem(FACE_FILE, "", "", f"is not UTF-8 at byte {error.start}")]
    if face is None:
        raise BadReplaySet(folder, tuple(problems))
    return face


def write_face(folder: Path, face: Face) -> Face:
    """In place of the one that is there."""
    (folder / FACE_FILE).write_text(face_text(face), encoding="utf-8")
    return face
