"""Expectations that took the place of others: what stays on record, and when the set is a gate again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tieout.replay.declared import (
    declaration_failures,
    declared,
    digest_of,
    digests,
    history,
    replaced,
    replaces,
)
from tieout.replay.face import Expected, Face, Origin, What, face_text, parse_face

FILE = "expected/lines.csv"
EMPTY = Face("january", "by hand")
AT = "2026-03-01T00:00:00Z"


def stated(by: str, content: str, origin: Origin = Origin.SCRIPT) -> Expected:
    return Expected(FILE, What.LINES, origin, by, content * 64)


def after(*said: tuple[str, str] | tuple[str, str, str]) -> Face:
    face = EMPTY
    for by, content, *why in said:
        face = declared(face, stated(by, content), at=AT, why=why[0] if why else None)
    return face


def failures(face: Face) -> list[str]:
    return list(declaration_failures(face))


def test_what_was_stated_once_is_a_gate_and_says_nothing() -> None:
    face = after(("totals.py", "a"))
    assert (failures(face), replaced(face), len(face.declared)) == ([], (), 1)
    assert declared(face, stated("totals.py", "a"), at="2026-04-01T00:00:00Z", why=None) == face
    second = declared(face, stated("Dana", "a", Origin.PERSON), at=AT, why=None)
    assert (failures(second), replaced(second), len(second.declared)) == ([], (), 2)
    assert replaces(face, stated("Dana", "a")) is None


def test_the_same_source_that_says_otherwise_is_no_gate_until_another_one_stands_for_it() -> None:
    face = after(("totals.py", "a"), (" Totals.py ", "b", "leap day"))
    assert failures(face) == [f"{FILE} was replaced by a source that had stated something else:  Totals.py "]
    assert replaced(face) == (
        f"{FILE}: bbbbbbbbbbbb by  Totals.py  (script), in place of aaaaaaaaaaaa by totals.py (script) "
        f"at {AT}: leap day",
    )
    better = after(("totals.py", "a"), ("totals.py", "b", "leap day"), ("Dana", "c", "worked out by hand"))
    assert failures(better) == [] and len(replaced(better)) == 2
    back = after(("totals.py", "a"), ("Dana", "b", "why"), ("totals.py", "c", "again"))
    assert failures(back), "it had stated something else, whoever spoke in between"
    unsaid = after(("totals.py", "a"), ("Dana", "b"))
    assert failures(unsaid) == [f"{FILE} was replaced by Dana, and nothing says why"]
    said = declared(unsaid, stated("Dana", "b"), at=AT, why="worked out by hand")
    assert failures(said) == [] and len(said.declared) == 3


def test_a_set_that_was_written_with_its_expectations_has_declared_them() -> None:
    face = replace(EMPTY, expected=(stated("plain script", "a"),))
    assert failures(face) == [] and [each.by for each in history(face)] == ["plain script"]
    assert digests(face) == digests(parse_face(face_text(face))[0] or EMPTY)
    old = replaces(face, stated("Dana", "b"))
    assert old is not None and old.by == "plain script"
    changed = declared(face, stated("plain script", "b"), at=AT, why="x")
    assert digests(changed)[:1] == digests(face) and failures(changed)


def test_what_the_product_recorded_is_replaced_by_anybody() -> None:
    recorded = declared(EMPTY, stated("tieout itself", "a", Origin.RECORDED), at=None, why=None)
    assert replaces(recorded, stated("Dana", "b")) is None
    face = declared(recorded, stated("Dana", "b"), at=AT, why=None)
    assert (failures(face), replaced(face)) == ([], ())


def test_a_history_that_was_changed_by_hand_is_no_gate() -> None:
    face = after(("totals.py", "a"), ("totals.py", "b", "leap day"), ("Dana", "c", "by hand"))
    first, second, third = face.declared
    assert failures(replace(face, declared=(first, third)))[0].startswith("declaration 2 of what is expected")
    assert failures(replace(face, declared=(replace(first, by="Eve"), second, third)))
    assert failures(replace(face, expected=())) == [f"{FILE} was declared by Dana and is expected no more"]
    assert failures(replace(face, expected=(stated("Dana", "d"),))) == [
        f"{FILE} is not expected as it was declared last"
    ]
    assert len({digest_of(each) for each in face.declared}) == 3


def test_a_face_with_its_history_reads_back() -> None:
    face = after(("totals.py", "a"), ("Dana", "b", 'a "why"\nin two lines'))
    assert parse_face(face_text(face)) == (face, [])


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("number = 1", 'number = "1"', "number"),
        ('why = "w"', "why = 1", "why"),
        ('before = ""', 'befor = ""', "befor"),
        ('origin = "script"', 'origin = "guess"', "origin"),
    ],
)
def test_a_history_that_does_not_read_is_a_problem(old: str, new: str, field: str) -> None:
    text = face_text(after(("totals.py", "a"), ("Dana", "b", "w")))
    start = text.index("[[declared]]")
    read, problems = parse_face(text[:start] + text[start:].replace(old, new, 1))
    assert read is None
    assert field in {problem.field for problem in problems}
