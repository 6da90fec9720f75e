"""What a pack says of events that were erased, retracted, or are not what they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, call, ingest, make_home
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.verify.report import Report
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import EvidenceDiffers, NothingToPack, build_pack
from tieout.flows.close_periods import close
from tieout.flows.erase_event import erase
from tieout.wiring import Home


def closed_home(folder: Path) -> Home:
    home, _ = make_home(folder / "home", now=FEBRUARY_3)
    ingest(
        home,
        [
            call(number, "acme", f"2026-01-{number + 1:02}T00:00:00Z", note='of "Zoë", a person')
            for number in range(5)
        ],
    )
    close(home, as_of=home.clock.now())
    home.installation_key.create()
    return home


def verified(home: Home) -> Report:
    key = public_key_text(home.installation_key.public_key()).encode()
    return verify_pack(build_pack(home, "INV-000001").content, key)


def test_an_erased_event_is_packed_as_what_remains_of_it_and_said_so(tmp_path: Path) -> None:
    with closed_home(tmp_path) as home:
        assert verified(home).breaks == []
        erase(home, None, source="gateway", id="e3", person="Ada", reason="asked for")
        report = verified(home)
        assert report.breaks == []
        assert sum("1 events of which personal data was erased" in each for each in report.not_derived) == 2


def test_an_event_that_is_not_what_it_was_is_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closed_home(tmp_path) as home:
        monkeypatch.setattr(type(home.review), "erasure", lambda *_: None)
        erase(home, None, source="gateway", id="e3", person="Ada", reason="asked for")
        with pytest.raises(EvidenceDiffers, match=r"event b1\.r3 does not give the digest"):
            build_pack(home, "INV-000001")


def test_what_is_not_there_is_not_packed(tmp_path: Path) -> None:
    with closed_home(tmp_path) as home, pytest.raises(NothingToPack):
        build_pack(home, "INV-999999")
