"""Heads of the log: one for each run that seals, before it does; signed when there is a key; a log that was
written anew is told by any copy of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, MARCH_3, call, ingest, january, make_home
from tests.tampered import beside_folios, chained_anew
from tieout.evidence.head import digest_of, head_of, signed_head, statement_of
from tieout.evidence.pack.minisign import public_key_text
from tieout.flows.close_periods import close
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.head_copy import HeadCopy, NoSuchHead, head_copy
from tieout.flows.keep_head import make_key
from tieout.flows.keep_roots import keep_roots
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_heads import BadHeadFile, NoKeyOfHeads, copy_findings
from tieout.flows.verify_log import verify_log
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import Watermark
from tieout.ports.world import NoEvidenceKey
from tieout.store.books import invoices
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import Home, open_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    ingest(made, january(4))
    return made


def checked(home: Home, copy: HeadCopy, key: bytes | None = None) -> list[str]:
    _, findings = copy_findings(home, copy.statement, copy.signature, key, file="copy")
    return [each.detail for each in findings]


def test_a_run_that_seals_states_a_head_and_one_that_does_not_states_none(home: Home) -> None:
    with home:
        close(home, as_of=FEBRUARY_3, dry_run=True)
        assert home.books.heads.all() == ()
        close(home, as_of=FEBRUARY_3)
        (kept,) = home.books.heads.all()
        head = head_of(kept.statement)
        batch = home.log.head()
        digest = home.log.batch_digest(batch)
        assert digest is not None
        assert (head.number, head.batch, head.digest) == (1, batch, digest.hex())
        assert (head.home, head.stated_at, head.previous) == (home.home_id, FEBRUARY_3, None)
        sealed = home.books.invoices.sealed()
        assert sealed and all(each.cutoff <= head.batch for each in sealed)
        close(home, as_of=FEBRUARY_3)
        assert len(home.books.heads.all()) == 1, "nothing was due any more"


def test_no_close_fails_for_want_of_a_key_and_the_key_signs_what_waited(home: Home) -> None:
    with home:
        close(home, as_of=FEBRUARY_3)
        assert home.books.heads.all()[0].signature is None
        with pytest.raises(NoEvidenceKey):
            head_copy(home, None)
        public = make_key(home)
        (kept,) = home.books.heads.all()
        assert kept.signature is not None and kept.signature.public_key == public
        Path(home.installation_key.place).chmod(0o644)  # readable by others: it may not sign
        _march(home)
        first, second = home.books.heads.all()
        assert second.signature is None
        assert head_of(second.statement).previous == digest_of(first.statement)
        Path(home.installation_key.place).chmod(0o600)
        assert (head_copy(home, 2).head.number, head_copy(home, None).head.number) == (2, 3)
        assert verify_books(home).findings == ()


def test_a_copy_holds_for_a_log_that_went_on(home: Home) -> None:
    with home:
        public = make_key(home)
        close(home, as_of=FEBRUARY_3)
        copy = head_copy(home, None)
        ingest(home, [call(900, "acme", "2026-02-05T00:00:00Z")])
        home.log.compact(rows_min=1)
        assert checked(home, copy) == []
        assert checked(home, copy, public_key_text(public).encode()) == []
        with pytest.raises(NoSuchHead):
            head_copy(home, 7)


Rewrite = Callable[[Home], None]


def _other_digest(home: Home) -> None:
    _log(home, "UPDATE batches SET digest = zeroblob(32) WHERE number = 1")


def _shorter(home: Home) -> None:
    _log(home, "DELETE FROM batches")


@pytest.mark.parametrize(
    ("rewrite", "told"), [(_other_digest, "the log was rewritten"), (_shorter, "it states batch 1")]
)
def test_a_rewritten_log_is_told_by_a_copy_and_by_verify(home: Home, rewrite: Rewrite, told: str) -> None:
    with home:
        make_key(home)
        close(home, as_of=FEBRUARY_3)
        copy = head_copy(home, 1)
        rewrite(home)
        assert [told in each for each in checked(home, copy)] == [True]
        assert [told in each.detail for each in verify_books(home).findings if each.what == "head"] == [True]


def test_a_log_written_anew_from_the_start_with_all_its_digests_is_told_by_a_copy(
    home: Home, tmp_path: Path
) -> None:
    """Whoever owns the machine can make a whole home anew, with the same id and key: only a copy tells."""
    with home:
        make_key(home)
        close(home, as_of=FEBRUARY_3)
        copy = head_copy(home, None)
        key = Path(home.installation_key.place).read_bytes()
    forged, _ = make_home(tmp_path / "forged", now=FEBRUARY_3)
    with forged:
        ingest(forged, january(5))
        for name, value in (
            ("books.db", f"'{copy.head.home}'"),
            ("log.db", f"CAST('{copy.head.home}' AS BLOB)"),
        ):
            _alter(
                forged.folder / name,
                "DROP TRIGGER IF EXISTS meta_no_update; "
                f"UPDATE meta SET value = {value} WHERE name = 'home_id'",
            )
    (forged.folder / "evidence.key").write_bytes(key)
    (forged.folder / "evidence.key").chmod(0o600)
    with open_home(forged.folder, clock=SteppedClock(FEBRUARY_3)) as again:
        close(again, as_of=FEBRUARY_3)
        chained_anew(forged.folder / "books.db")
        assert verify_log(again).findings == verify_books(again).findings == ()
        assert len(checked(again, copy)) == 3, "another digest, other books, and no head of its number"


def test_heads_left_out_or_altered_in_the_books_are_found(home: Home) -> None:
    with home:
        make_key(home)
        close(home, as_of=FEBRUARY_3)
        _march(home)
        copy = head_copy(home, 1)
        _books(
            home,
            "UPDATE log_head SET statement = replace(statement, '\"batch\":1', '\"batch\":2') "
            "WHERE number = 1",
        )
        details = " ".join(each.detail for each in verify_books(home).findings)
        assert "does not follow the head before" in details and "line 3" in details
        _books(home, "DELETE FROM log_head_signature WHERE number = 1; DELETE FROM log_head WHERE number = 1")
        assert "does not follow the head before" in " ".join(
            each.detail for each in verify_books(home).findings
        )
        assert checked(home, copy) == ["no head of that number is kept here any more"]


def test_a_last_head_that_was_left_out_is_found(home: Home) -> None:
    """Also where heads with roots, which are of no run, are among them."""
    with home:
        keep_roots(home)
        close(home, as_of=FEBRUARY_3)
        _march(home)
        _books(home, "DELETE FROM log_head WHERE number = 3")
        found = [(each.where, each.detail) for each in beside_folios(verify_books(home).findings)]
        assert found == [("run 2", "it sealed invoices, and no head of it is kept")]


def test_what_is_no_copy_of_this_home_is_refused(home: Home, tmp_path: Path) -> None:
    with home:
        close(home, as_of=FEBRUARY_3)
        with pytest.raises(NoKeyOfHeads):
            copy_findings(home, b"{}", b"", None, file="copy")
        make_key(home)
        copy = head_copy(home, None)
        for statement in (
            b"",
            b"\xff",
            b"[]",
            b"{}",
            b"[" * 5000,
            copy.statement + b" ",
            copy.statement[:-1],
        ):
            with pytest.raises(BadHeadFile):
                copy_findings(home, statement, copy.signature, None, file="copy")
        other = copy.statement.replace(b'"batch":1', b'"batch":2')
        for altered, signature in (
            (other, copy.signature),
            (copy.statement, copy.signature[:-9] + b"AAAAAAA=\n"),
        ):
            with pytest.raises(BadHeadFile):
                copy_findings(home, altered, signature, None, file="copy")
    foreign, _ = make_home(tmp_path / "foreign", now=FEBRUARY_3)
    with foreign, pytest.raises(BadHeadFile, match="is a head of home"):
        copy_findings(foreign, copy.statement, copy.signature, _key_of(home), file="copy")


def test_nothing_is_concluded_from_a_statement_that_nobody_signed(home: Home, tmp_path: Path) -> None:
    """First the key, then the signature, then what is stated, then the home, and only then the log."""
    foreign, _ = make_home(tmp_path / "foreign", now=FEBRUARY_3)
    with home, foreign:
        make_key(home)
        make_key(foreign)
        close(home, as_of=FEBRUARY_3)
        copy, ours, theirs = head_copy(home, None), _key_of(home), _key_of(foreign)
        other_home = copy.statement.replace(home.home_id.encode(), foreign.home_id.encode())
        beyond = replace(head_of(copy.statement.decode()), batch=Watermark(99), home=foreign.home_id)
        key = home.installation_key
        signed = statement_of(beyond)
        signature = signed_head(signed, public_key=key.public_key(), sign=key.sign).encode()
        for statement, by, given, says in (
            (copy.statement, b"hello", None, "copy.minisig is no minisign signature"),
            (copy.statement, copy.signature, theirs, "copy.minisig was made with key .* the key of --key is"),
            (b"{}", copy.signature, ours, "copy is not what was signed"),
            (other_home, copy.signature, ours, "copy is not what was signed"),
            (signed.encode(), signature, ours, "copy is a head of home .*(--home)"),
        ):
            with pytest.raises(BadHeadFile, match=f"^{says}"):
                copy_findings(home, statement, by, given, file="copy")
        with pytest.raises(BadHeadFile, match="this home signs with"):
            copy_findings(foreign, copy.statement, copy.signature, None, file="copy")


def test_another_statement_under_the_number_of_a_head_is_told_though_the_log_is_the_same(home: Home) -> None:
    with home:
        make_key(home)
        close(home, as_of=FEBRUARY_3)
        head = head_of(head_copy(home, 1).statement.decode())
        other = statement_of(replace(head, stated_at=MARCH_3))
        key = home.installation_key
        signature = signed_head(other, public_key=key.public_key(), sign=key.sign).encode()
        assert checked(home, HeadCopy(head, other.encode(), signature)) == ["head 1 says something else here"]


def test_whoever_dies_after_a_seal_left_a_head_of_its_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sealed lies under a head that was stated before it; the next run states its own. A credit note
    is sealed by a run of its own."""

    def die(name: str) -> None:
        if name == "seal-after-commit":
            raise KeyboardInterrupt

    with home:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(invoices, "crash_point", die)
            close(home, as_of=FEBRUARY_3)
        sealed = home.books.invoices.sealed()
        assert sealed and [each.run for each in home.books.heads.all()] == [1]
        decided = {"person": "Ann", "reason": "an outage", "approved_by": "Bob"}
        credit_invoice(home, sealed[0].id, line="3", amount="0.10", kind="goodwill", **decided)
        assert [each.run for each in home.books.heads.all()] == [1, 2]


def _march(home: Home) -> None:
    """The next close seals too."""
    ingest(home, [call(900, "acme", "2026-02-05T00:00:00Z")])
    assert isinstance(home.clock, SteppedClock)
    home.clock.set_to(MARCH_3)
    close(home, as_of=MARCH_3)


def _key_of(home: Home) -> bytes:
    return public_key_text(home.installation_key.public_key()).encode()


def _log(home: Home, statement: str) -> None:
    _alter(home.folder / "log.db", statement)


def _books(home: Home, statement: str) -> None:
    _alter(
        home.folder / "books.db",
        "DROP TRIGGER IF EXISTS log_head_no_update; DROP TRIGGER IF EXISTS log_head_no_delete; "
        f"DROP TRIGGER IF EXISTS log_head_signature_no_delete; {statement}",
    )


def _alter(file: Path, statements: str) -> None:
    engine = open_engine(file, schema="books")
    with begin_immediate(engine) as connection:
        for statement in statements.split(";"):
            connection.exec_driver_sql(statement)
    engine.dispose()
