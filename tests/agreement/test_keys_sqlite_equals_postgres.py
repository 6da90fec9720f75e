"""Rotated keys and recorded verifications on both databases: one story, one record of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.small_home import FEBRUARY_3, make_home
from tieout.contract.policy import PolicyRole
from tieout.flows.required_evidence import record_verification
from tieout.flows.signing_keys import key_history, rotate_key
from tieout.flows.verify_log import verify_log
from tieout.gateways.signing import generate_key
from tieout.kernel.errors import ConflictError, NotFound
from tieout.store.sqlite import begin_immediate, open_engine


def told(folder: Path) -> list[object]:
    home, _ = make_home(folder, now=FEBRUARY_3)
    with home:
        keys = {each.key.role: each.key for each in key_history(home)}
        old, other = keys[PolicyRole.OPS], keys[PolicyRole.FINANCE]
        generate_key(folder / "new", folder / "new.pub")
        new = rotate_key(home, old.key_id, folder / "new.pub")
        with pytest.raises(NotFound):
            rotate_key(home, old.key_id, folder / "new.pub")
        with pytest.raises(ConflictError):
            rotate_key(home, other.key_id, folder / "new.pub")
        record_verification(home, verify_log(home), person="Chi", findings=1)
        record_verification(home, verify_log(home), person="Chi", findings=0)
        latest = home.books.verifications.latest()
        assert latest is not None
        history = [
            (each.key.role, each.key.person, each.key.revoked_at, each.signed, each.replaced_by == new.key_id)
            for each in key_history(home)
        ]
        history.sort(key=lambda each: (each[0], each[2] is None))  # keys made at one instant have no order
    return [history, latest.batches, latest.findings, latest.person, latest.verified_at]


def test_both_databases_keep_the_same_record(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = told(tmp_path / "sqlite")
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    assert told(tmp_path / "postgres") == on_sqlite
    monkeypatch.delenv("TIEOUT_DATABASE_URL")
    for url in (tmp_path / "sqlite" / "books.db", postgres_url):
        engine = open_engine(url, schema="books")
        with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
            connection.execute(text("UPDATE log_verification SET findings = 0"))
        engine.dispose()
