"""Totals that live usage keeps, for who needs them at exactly one watermark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from tieout.aggregate.accumulation import Accumulation
from tieout.contract.meter import Aggregation
from tieout.flows.home import Home
from tieout.flows.standing_requests import Wanted
from tieout.kernel.ids import Watermark
from tieout.ports.live import DamagedLiveUsage, RequestDigest

WANTED_AT_ONCE: Final = 200


def kept_totals(
    home: Home, wanted: Sequence[Wanted], watermark: Watermark
) -> dict[RequestDigest, Accumulation]:
    """By the digest of what is wanted, without groups; what is not kept, or not as of that watermark, is not
    in it."""
    found: dict[RequestDigest, Accumulation] = {}
    for start in range(0, len(wanted), WANTED_AT_ONCE):
        some = wanted[start : start + WANTED_AT_ONCE]
        names = list(dict.fromkeys(name for each in some for name in (each.digest, each.fine_digest)))
        answer = home.live.read(names, groups=False)
        if answer is None or answer.mark.watermark != watermark:
            break  # the others are not either
        texts = [each.digest for each in some if _has_texts(each)]
        whole = _whole(home, texts, watermark) if texts else {}
        for each in some:
            kept = whole if _has_texts(each) else answer.kept
            one = kept.get(each.digest) or kept.get(each.fine_digest)
            if one is not None:
                found[each.digest] = replace(one, groups={}, amount_magnitude=0)
    return found


def _has_texts(wanted: Wanted) -> bool:
    return wanted.request.meter.aggregation is Aggregation.UNIQUE


def _whole(
    home: Home, digests: Sequence[RequestDigest], watermark: Watermark
) -> Mapping[RequestDigest, Accumulation]:
    """With their texts, which are not read at once with the mark: it must not have moved meanwhile."""
    try:
        found = home.live.kept(digests)
        mark = home.live.mark()
    except DamagedLiveUsage:
        return {}
    return found if mark is not None and mark.watermark == watermark else {}
