"""A scratch home bears another home's identity, so it must be able to say nothing to anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tieout.gateways.rehearsal import FileRehearsalDesk, NoPost
from tieout.gateways.signing import new_private_pem, read_public_key
from tieout.kernel.ids import HomeId
from tieout.kernel.instant import parse_instant
from tieout.ports.world import NoEvidenceKey
from tieout.wiring import scratch_home

AS_HOME = HomeId("home_0123456789abcdef")
NOW = parse_instant("2026-01-01T00:00:00Z")


def test_it_is_embedded_has_no_key_sends_nothing_and_is_gone_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "evidence.key"
    key.write_bytes(new_private_pem())
    key.chmod(0o600)
    monkeypatch.setenv("TIEOUT_EVIDENCE_KEY", str(key))
    monkeypatch.setenv("TIEOUT_DATABASE_URL", "postgresql://nowhere/none")
    monkeypatch.setenv("TIEOUT_SEGMENTS_URL", "s3://no-such-bucket")
    with scratch_home(AS_HOME, b"seed", NOW) as (home, clock):
        assert home.home_id == AS_HOME
        assert clock.now() == home.clock.now() == NOW
        assert (home.folder / "books.db").is_file()
        assert isinstance(home.post, NoPost)
        for use in (home.installation_key.public_key, home.installation_key.create):
            with pytest.raises(NoEvidenceKey):
                use()
        with pytest.raises(NoEvidenceKey):
            home.installation_key.sign(b"this home stated this")
        folder = home.folder
    assert not folder.exists()


def test_the_same_seed_gives_the_same_secret_and_the_same_name_the_same_key(tmp_path: Path) -> None:
    secrets = []
    for seed in (b"one", b"one", b"two"):
        with scratch_home(AS_HOME, seed, NOW) as (home, _):
            secrets.append(home.log.identity_secret)
    assert secrets[0] == secrets[1] != secrets[2]
    first, second = (FileRehearsalDesk(tmp_path / name) for name in ("a", "b"))
    assert read_public_key(first.public_key("x")) == read_public_key(second.public_key("x"))
    assert read_public_key(first.public_key("x")) != read_public_key(first.public_key("y"))
