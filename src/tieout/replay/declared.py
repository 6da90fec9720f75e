"""What was ever declared in a set as expected: nothing is taken back, a new statement follows the old one.

Each declaration names the digest of the one before it. A set that was written with its expectations, and
never told of others, has declared what it states. Whoever owns the folder can write it all anew: a home that
kept a result of the set knows what had been declared by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.person import is_same_person
from tieout.replay.face import Declared, Expected, Face, Origin


def history(face: Face) -> tuple[Declared, ...]:
    """All declarations in their order; what is expected and was never declared counts as declared last."""
    found = list(face.declared)
    known = {each.file for each in found}
    for each in face.expected:
        if each.file not in known:
            found.append(_next(found, each))
    return tuple(found)


def declared(face: Face, stated: Expected, *, at: str | None, why: str | None) -> Face:
    """The face with one statement more; it takes the place of an earlier one of the same file. The same
    statement again, with nothing more to say why, changes nothing."""
    before = history(face)
    others = tuple(each for each in face.expected if each.file != stated.file)
    newest = _newest(before, stated.file)
    if newest is not None and _as_expected(newest) == stated and why in (None, newest.why):
        return replace(face, expected=(*others, stated), declared=before)
    made = replace(_next(before, stated), at=at, why=why)
    return replace(face, expected=(*others, stated), declared=(*before, made))


def replaces(face: Face, stated: Expected) -> Declared | None:
    """What somebody outside had declared of the file, where that was something else."""
    last = _newest(history(face), stated.file)
    return None if last is None or last.sha256 == stated.sha256 or _of_product(last) else last


def digests(face: Face) -> tuple[str, ...]:
    """Of all declarations: a later state of the same set begins with those of an earlier one."""
    return tuple(map(digest_of, history(face)))


def digest_of(each: Declared) -> str:
    """SHA-256 over all that it says, the digest of the one before included."""
    return sha256(
        canonical_json(
            {
                "number": JsonNumber(str(each.number)),
                "before": each.before,
                "file": each.file,
                "what": each.what.value,
                "origin": each.origin.value,
                "by": each.by,
                "sha256": each.sha256,
                "at": each.at,
                "why": each.why,
            }
        ).encode()
    ).hexdigest()


def replaced(face: Face) -> tuple[str, ...]:
    """Every statement that took the place of another one, or stands beside one that did, in words for the
    report; first ones are none."""
    found, known = [], history(face)
    for place, new in enumerate(known):
        earlier = [each for each in known[:place] if each.file == new.file and not _of_product(each)]
        if all(each.sha256 == new.sha256 for each in earlier):
            continue
        old = earlier[-1]
        what = "in place of" if old.sha256 != new.sha256 else "the same as"
        found.append(f"{new.file}: {_named(new)}, {what} {_named(old)}{_when(new)}")
    return tuple(found)


def declaration_failures(face: Face) -> Iterator[str]:
    """Why a set whose expectations were declared more than once is no gate."""
    known = history(face)
    last: Declared | None = None
    for place, each in enumerate(known, 1):
        before = "" if last is None else digest_of(last)
        if (each.number, each.before) != (place, before):
            yield f"declaration {place} of what is expected does not follow on the one before it"
        last = each
    stated = {each.file: each for each in face.expected}
    for file in dict.fromkeys(each.file for each in known):
        newest = _newest(known, file)
        assert newest is not None, "it is one of them"
        now = stated.get(file)
        if now is not None and now != _as_expected(newest):
            yield f"{file} is not expected as it was declared last"
        elif now is None and not _of_product(newest):
            yield f"{file} was declared by {newest.by} and is expected no more"
        elif not _of_product(newest):
            yield from _source_failures(known, newest)


def _source_failures(known: Sequence[Declared], newest: Declared) -> Iterator[str]:
    """Where something else had been stated from outside, another source stands for it now and says why."""
    earlier = [
        each
        for each in known
        if each.file == newest.file and each.sha256 != newest.sha256 and not _of_product(each)
    ]
    if any(is_same_person(each.by, newest.by) for each in earlier):
        yield f"{newest.file} was replaced by a source that had stated something else: {newest.by}"
    elif earlier and newest.why is None:
        yield f"{newest.file} was replaced by {newest.by}, and nothing says why"


def _newest(known: Sequence[Declared], file: str) -> Declared | None:
    return next((each for each in reversed(known) if each.file == file), None)


def _next(before: Sequence[Declared], stated: Expected) -> Declared:
    digest = digest_of(before[-1]) if before else ""
    return Declared(
        len(before) + 1, digest, stated.file, stated.what, stated.origin, stated.by, stated.sha256
    )


def _as_expected(each: Declared) -> Expected:
    return Expected(each.file, each.what, each.origin, each.by, each.sha256)


def _of_product(each: Declared) -> bool:
    return each.origin is Origin.RECORDED


def _named(each: Declared) -> str:
    return f"{each.sha256[:12]} by {each.by} ({each.origin})"


def _when(each: Declared) -> str:
    at = "" if each.at is None else f" at {each.at}"
    return f"{at}: {each.why or 'nothing says why'}"
