"""Writes the face of a replay set: what is frozen, and who stands for which expectations."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from tieout.contract.problem import Problem
from tieout.flows.read_replay_set import BadReplaySet, NoReplaySet, file_digests
from tieout.kernel.errors import ConflictError, Refusal, shown
from tieout.replay.face import FACE_FILE, NAME_PATTERN, Expected, Face, Origin, What, face_text, parse_face
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


def expect(folder: Path, content: bytes, *, name: str, what: What, origin: Origin, by: str) -> Expected:
    """Takes a file of expectations into the set, with who stands for it. One of the same name is replaced:
    the new statement has a new digest. Raises `NoReplaySet`, and `BadReplaySet` with every problem of it."""
    face = _face(folder)
    file = f"{EXPECTED_FOLDER}/{name}"
    try:
        _, problems = parse_stated(file, content.decode("utf-8"), what)
    except UnicodeDecodeError as error:
        problems = [Problem(file, "", "", f"is not UTF-8 at byte {error.start}")]
    if problems:
        raise BadReplaySet(folder, tuple(problems))
    (folder / EXPECTED_FOLDER).mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    stated = Expected(file, what, origin, by, sha256(content).hexdigest())
    others = tuple(each for each in face.expected if each.file != file)
    files = {each: digest for each, digest in face.files.items() if each != file}
    write_face(folder, replace(face, expected=(*others, stated), files=files))
    return stated


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
