"""L19: every event lies in exactly one piece under exactly one head with roots, whatever was compacted and
merged before and after; roots are those of a plain computation; what is altered of them is found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence_packs import INVOICE
from tests.small_home import FEBRUARY_3, call, ingest, make_home
from tests.tampered import chained_anew, without_triggers
from tieout.evidence.head import StatedRoots, head_of
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import build_pack
from tieout.flows.close_periods import close
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.head_copy import head_copy
from tieout.flows.keep_head import make_key
from tieout.flows.keep_roots import keep_roots
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_heads import copy_findings
from tieout.flows.verify_roots import verify_roots
from tieout.store.log.pieces import PieceDiffers
from tieout.store.log.reader import read_segment
from tieout.store.log.segments import tiers
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import Home

Row = tuple[str, int, int, int, int, bytes]
"""Subject, time, batch, row, contract version, content digest (16 bytes)."""
STEPS = st.lists(st.sampled_from(["events", "events", "compact", "roots"]), min_size=3, max_size=24)


def take_step(home: Home, step: str, number: int) -> None:
    if step == "events":
        customers = ("acme", "birch", "cedar")
        day = f"2026-01-{1 + number * 7 % 28:02}"
        ingest(home, [call(number * 3 + n, who, f"{day}T0{n}:00:00Z") for n, who in enumerate(customers)])
    elif step == "compact":
        home.log.maintain(rows_min=1)
    else:
        keep_roots(home)


def all_rows(home: Home) -> list[Row]:
    """Whatever the manifest names, row by row."""
    manifest = home.log.manifest()
    tables = [(part.contract_version, part.table) for part in manifest.tail]
    tables += [(each.contract_version, read_segment(each)) for each in manifest.segments]
    return [
        (
            *(row["subject"], row["time"], row["batch"], row["row"], version),
            row["lane_a"].to_bytes(8, "little") + row["lane_b"].to_bytes(8, "little"),
        )
        for version, table in tables
        for row in table.select(["subject", "time", "batch", "row", "lane_a", "lane_b"]).to_pylist()
    ]


def leaf(row: Row) -> bytes:
    return row[2].to_bytes(8, "little") + row[3].to_bytes(4, "little") + row[5]


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + plain_root(leaves[:half]) + plain_root(leaves[half:])).digest()


def stated_roots(home: Home) -> Iterator[tuple[int, StatedRoots]]:
    for kept in home.books.heads.all():
        roots = head_of(kept.statement).roots
        if roots is not None:
            yield kept.number, roots


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_each_event_is_in_one_piece_and_roots_are_those_of_a_plain_computation(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiers, "FAN_OUT", 3)  # so that a short story merges often
        home, _ = make_home(Path(folder) / "home", now=FEBRUARY_3)
        with home:
            for number, step in enumerate(["events", *steps]):
                take_step(home, step, number)
            keep_roots(home)
            home.log.maintain(rows_min=1)
            rows, pieces, behind = sorted(all_rows(home)), home.books.heads.pieces(), 0
            held = 0
            for number, roots in stated_roots(home):
                texts = []
                for piece in pieces[number]:
                    place = piece.place
                    assert behind < place.first <= place.last <= roots.upto
                    own = [each for each in rows if place.first <= each[2] <= place.last]
                    assert (len(own), plain_root([leaf(each) for each in own])) == (piece.rows, piece.root)
                    name = f"{place.type}/v1/{place.first}-{place.last}"
                    texts.append(f"{name} {len(own)} {piece.root.hex()}".encode())
                    held += len(own)
                assert plain_root(texts).hex() == roots.root and len(texts) == roots.pieces
                behind = roots.upto
            assert held == len(rows) and behind == home.log.head()
            assert verify_books(home).findings == ()
            home.log.maintain(rows_min=1)
            count = len(home.books.heads.all())
            keep_roots(home)
            assert len(home.books.heads.all()) == count, "nothing came since"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with made:
        make_key(made)
        yield made


def test_a_pack_is_proven_by_the_heads_of_then_whatever_was_merged_since(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes stay, also where a piece lies in several segments or beside later batches in one."""
    monkeypatch.setattr(tiers, "FAN_OUT", 3)
    for number in range(12):
        take_step(home, "events", number)
        if number in (2, 5, 8):
            home.log.compact(rows_min=1)
        if number in (3, 7):
            keep_roots(home)
    close(home, as_of=FEBRUARY_3)
    copy = head_copy(home, None)
    key = public_key_text(home.installation_key.public_key()).encode()
    packs = set()
    for _ in range(3):
        packs.add(build_pack(home, INVOICE).content)
        home.log.maintain(rows_min=1)
    (content,) = packs
    report = verify_pack(content, key, (copy.statement, copy.signature))
    assert report.breaks == [] and verify_roots(home, content).findings == ()
    assert any("6 roots are leaves under signed heads" in each for each in report.checked)
    assert any(f"Whoever kept head {copy.head.number} knows" in each for each in report.checked)


def test_a_head_with_roots_never_goes_back_behind_a_seal(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events come, and a run states a later batch and seals, while the trees are made."""
    take_step(home, "events", 1)
    real = type(home.log).pieces

    def meanwhile(log: object, **asked: object) -> object:
        found = [*real(log, **asked)]  # type: ignore[arg-type]
        monkeypatch.undo()
        take_step(home, "events", 2)
        close(home, as_of=FEBRUARY_3)
        return found

    monkeypatch.setattr(type(home.log), "pieces", meanwhile)
    keep_roots(home)
    sealed, rooted = (head_of(each.statement) for each in home.books.heads.all())
    assert (sealed.batch, rooted.batch, rooted.roots and rooted.roots.upto) == (2, 2, 1)
    assert verify_books(home).findings == ()
    assert verify_pack(build_pack(home, INVOICE).content, _key(home)).breaks == []
    assert [roots.upto for _, roots in stated_roots(home)] == [1, 2]


def test_of_two_that_state_roots_at_once_one_does(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    take_step(home, "events", 1)
    real = type(home.log).pieces

    def meanwhile(log: object, **asked: object) -> object:
        found = [*real(log, **asked)]  # type: ignore[arg-type]
        monkeypatch.undo()
        keep_roots(home)
        return found

    monkeypatch.setattr(type(home.log), "pieces", meanwhile)
    keep_roots(home)
    assert [number for number, _ in stated_roots(home)] == [1]
    assert verify_books(home).findings == ()


def test_a_head_covers_the_books_too_and_is_stated_anew_once_they_go_on(home: Home) -> None:
    """Who rewrites the books, folios and all, is told by a copy of a head, and by the heads that are kept."""
    take_step(home, "events", 1)
    close(home, as_of=FEBRUARY_3)
    copy = head_copy(home, None)
    assert head_copy(home, None) == copy, "nothing was written since"
    sealed = home.books.invoices.sealed()[0]
    decided = {"person": "Ann", "reason": "an outage", "approved_by": "Bob"}
    credit_invoice(home, sealed.id, line="3", amount="0.01", kind="goodwill", **decided)
    later = head_copy(home, None)
    assert later.head.roots is not None and later.head.roots.pieces == 0
    key = public_key_text(home.installation_key.public_key()).encode()
    assert copy_findings(home, copy.statement, copy.signature, key, file="copy")[1] == []
    assert verify_books(home).findings == ()
    without_triggers(home.folder / "books.db")
    _execute(home, "UPDATE close_outcome SET reason = 'fine' WHERE id = 1")
    chained_anew(home.folder / "books.db")
    for each in (copy, later):
        _, findings = copy_findings(home, each.statement, each.signature, key, file="copy")
        assert ["the books were rewritten" in found.detail for found in findings] == [True]
    told = [found for found in verify_books(home).findings if "the books were rewritten" in found.detail]
    assert len(told) == 2


PIECE = "UPDATE log_head_piece SET "
TAMPERING = {
    "rows": (PIECE + "rows = rows + 1", "and there are 3"),
    "root": (PIECE + "root = zeroblob(32)", "and it is"),
    "batches": (PIECE + "last_batch = 9", "holds batches that another piece holds"),
    "type": (PIECE + "type = 'other'", "it states 3 events of other/v1 in batches 1 to 1, and the log has 0"),
    "left out": ("DELETE FROM log_head_piece", "and the log has 3"),
    "a head of none": (
        "UPDATE log_head SET statement = replace(statement, 'head/2', 'head/1')",
        "its statement cannot be read",
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_what_is_altered_of_roots_is_found(home: Home, what: str) -> None:
    take_step(home, "events", 1)
    keep_roots(home)
    statement, told = TAMPERING[what]
    assert verify_books(home).findings == ()
    _alter(home, statement)
    details = [each.detail for each in verify_books(home).findings]
    assert any(told in each for each in details), details


def test_an_event_left_out_of_the_log_refuses_the_pack_and_is_found(home: Home) -> None:
    """One that is no line's own: the pack's events are there, and the piece is another."""
    for number in range(3):
        take_step(home, "events", number)
    close(home, as_of=FEBRUARY_3)
    build_pack(home, INVOICE)
    home.log.compact(rows_min=1)
    with open_engine(home.folder / "log.db", schema="log").begin() as connection:
        connection.exec_driver_sql("DELETE FROM segment_trees")
    other = sha256(b"other").digest()
    _alter(home, f"UPDATE log_head_piece SET root = x'{other.hex()}'")
    with pytest.raises(PieceDiffers):
        build_pack(home, INVOICE)


def _key(home: Home) -> bytes:
    return public_key_text(home.installation_key.public_key()).encode()


def _alter(home: Home, statement: str) -> None:
    without_triggers(home.folder / "books.db")
    _execute(home, statement)


def _execute(home: Home, statement: str) -> None:
    engine = open_engine(home.folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
