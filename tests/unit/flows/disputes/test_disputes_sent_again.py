"""The same dispute sent more than once, as programs do that saw no answer: in a row, at once, and after it
was decided."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Literal

import pytest

from tests.disputes import FINANCE, OPS, number_of, owed
from tieout.dispute.room import NoRoom
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.flows import open_dispute as open_dispute_flow
from tieout.flows.build_pack import BuiltPack
from tieout.flows.decide_dispute import DecisionOrder, decide_dispute
from tieout.flows.home import Home
from tieout.flows.open_dispute import DisputeOrder, OpenedDispute, open_dispute


def test_the_same_sent_again_is_the_same_dispute(home: Home) -> None:
    order = DisputeOrder(number_of(home), "3", DisputeType.EVIDENCE, "10.00", "we count less")
    first = open_dispute(home, order, person=OPS)
    again = open_dispute(home, order, person="  olga ")
    assert first.is_new and not again.is_new and again.dispute == first.dispute
    with pytest.raises(NoRoom):  # somebody else's is another
        open_dispute(home, order, person="Omar")


def test_the_same_sent_twice_at_once_is_one_dispute(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    order = DisputeOrder(number_of(home), "3", DisputeType.EVIDENCE, "4.00", "we count less")
    build, faster = open_dispute_flow.build_pack, list[OpenedDispute | None]()

    def while_it_is_built(where: Home, name: str) -> BuiltPack:
        if not faster:
            faster.append(None)
            faster[0] = open_dispute(where, order, person=OPS)
        return build(where, name)

    monkeypatch.setattr(open_dispute_flow, "build_pack", while_it_is_built)
    slower = open_dispute(home, order, person=OPS)
    (first,) = faster
    assert first is not None and first.is_new and not slower.is_new and slower.dispute.id == first.dispute.id
    assert owed(home)[1] == "4.00"


def test_a_servers_threads_keep_the_same_pack_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    both, sync = Barrier(2), os.fsync

    def together(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            both.wait(10)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", together)
    with ThreadPoolExecutor(2) as threads:
        digests = set(threads.map(home.kept_packs.keep, [b"a pack", b"a pack"]))
    (digest,) = digests
    assert home.kept_packs.read(digest) == b"a pack"
    assert [each.name for each in Path(home.kept_packs.place(digest)).parent.iterdir()] == [f"{digest}.zip"]


@pytest.mark.parametrize("outcome", [Act.REJECTED, Act.WITHDRAWN, Act.UPHELD])
def test_the_same_sent_again_once_it_is_decided_opens_nothing(
    home: Home, outcome: Literal[Act.REJECTED, Act.WITHDRAWN, Act.UPHELD]
) -> None:
    order = DisputeOrder(number_of(home), "3", DisputeType.EVIDENCE, "4.00", "we count less")
    first = open_dispute(home, order, person=OPS).dispute
    approver = FINANCE if outcome is Act.UPHELD else None
    decide_dispute(home, first.id, DecisionOrder(outcome), person=OPS, reason="so", approved_by=approver)
    again = open_dispute(home, order, person=OPS)
    assert (again.dispute.id, again.is_new, again.dispute.is_open) == (first.id, False, False)
    assert owed(home)[1] == "0.00"
    other = open_dispute(home, replace(order, reason="and we have the log"), person=OPS)
    assert other.is_new and other.dispute.id != first.id
