"""Reads a replay set from its folder: every problem of every file at once, and what was edited since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from tieout.contract.problem import Problem, problem_count, problem_lines
from tieout.kernel.errors import NotFound, Refusal
from tieout.replay.call import CALLS_FILE, Call, parse_calls
from tieout.replay.face import FACE_FILE, Expected, Face, parse_face
from tieout.replay.stated import Stated, parse_stated

TEXT_BYTES_MAX = 256 * 1024 * 1024
"""Of `calls.jsonl` and of one file of expectations."""
PROBLEMS_SHOWN_MAX = 50


class NoReplaySet(NotFound):
    """There is no set in the folder."""

    code = "no-replay-set"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} is no replay set: it has no {FACE_FILE}. `tieout replay record` makes a set of a "
            "home; docs/replay-sets.md says how one is written."
        )


class BadReplaySet(Refusal):
    """The set cannot be run as it is; `problems` lists all that is wrong."""

    code = "bad-replay-set"

    def __init__(self, folder: Path, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        listed, count = problem_lines(problems, shown_max=PROBLEMS_SHOWN_MAX), problem_count(problems)
        super().__init__(f"{folder}: the replay set has {count}; nothing was done with it.\n{listed}")


@dataclass(frozen=True, slots=True)
class ReplaySet:
    """A set that reads. `edited`: files that are not as they were when they were frozen, or when somebody
    stood for them; `loose`: files that nobody froze. `digest` is over every file of the folder."""

    folder: Path
    face: Face
    calls: tuple[Call, ...]
    stated: tuple[tuple[Expected, Stated], ...]
    edited: tuple[str, ...]
    loose: tuple[str, ...]
    digest: str

    def file(self, name: str) -> Path:
        return self.folder / name


def read_set(folder: Path) -> ReplaySet:
    """Raises `NoReplaySet`, and `BadReplaySet` with every problem."""
    if not (folder / FACE_FILE).is_file():
        raise NoReplaySet(folder)
    problems = _not_files(folder)
    digests = file_digests(folder)
    face, found = parse_face(_text(folder, FACE_FILE, problems))
    problems += found
    calls, found = parse_calls(_text(folder, CALLS_FILE, problems)) if CALLS_FILE in digests else ([], [])
    problems += found
    if CALLS_FILE not in digests:
        problems.append(Problem(CALLS_FILE, "", "", "is missing"))
    problems += [problem for call in calls for problem in _missing(folder, call)]
    stated = []
    if face is not None:
        for each in face.expected:
            read, found = _stated(folder, each, digests)
            problems += found
            if read is not None:
                stated.append((each, read))
        problems += [
            Problem(FACE_FILE, "", name, "is frozen in [files], and missing")
            for name in face.files
            if name not in digests
        ]
    if problems or face is None:
        raise BadReplaySet(folder, tuple(problems))
    edited, loose = _changed(face, digests)
    return ReplaySet(folder, face, tuple(calls), tuple(stated), edited, loose, set_digest(digests))


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a set, by its name in the set, sorted."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = file_digest(file, "sha256").hexdigest()
    return found


def _not_files(folder: Path) -> list[Problem]:
    """What lies elsewhere is neither frozen nor in the digest of the set, and may change unseen."""
    said = "is a link or a device; a set holds its own files"
    return [
        Problem(path.relative_to(folder).as_posix(), "", "", said)
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or not (path.is_file() or path.is_dir())
    ]


def set_digest(digests: Mapping[str, str]) -> str:
    lines = [f"{digests[name]}  {name}\n" for name in sorted(digests)]
    return sha256("".join(lines).encode()).hexdigest()


def _changed(face: Face, digests: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    frozen = {**face.files, **{each.file: each.sha256 for each in face.expected}}
    edited = tuple(name for name in sorted(frozen) if digests[name] != frozen[name])
    return edited, tuple(name for name in digests if name not in frozen and name != FACE_FILE)


def _missing(folder: Path, call: Call) -> list[Problem]:
    return [
        Problem(CALLS_FILE, "", "", f"names {name}, which is not in the set", call.line)
        for name in call.files
        if not (folder / name).exists()
    ]


def _stated(
    folder: Path, expected: Expected, digests: Mapping[str, str]
) -> tuple[Stated | None, list[Problem]]:
    if expected.file not in digests:
        return None, [Problem(FACE_FILE, "", "expected", f"names {expected.file}, which is not in the set")]
    problems: list[Problem] = []
    text = _text(folder, expected.file, problems)
    if problems:
        return None, problems
    return parse_stated(expected.file, text, expected.what)


def _text(folder: Path, name: str, problems: list[Problem]) -> str:
    """Empty where it cannot be read, with the problem that says so."""
    try:
        content = (folder / name).read_bytes()
        if len(content) <= TEXT_BYTES_MAX:
            return content.decode("utf-8")
        problems.append(Problem(name, "", "", f"is larger than {TEXT_BYTES_MAX} bytes"))
    except UnicodeDecodeError as error:
        problems.append(Problem(name, "", "", f"is not UTF-8 at byte {error.start}"))
    except OSError as error:
        problems.append(Problem(name, "", "", f"cannot be read: {error.strerror}"))
    return ""
