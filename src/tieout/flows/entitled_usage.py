"""How much was used of what features are measured by: as live usage keeps it, else counted over the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tieout.aggregate.accumulation import snapshot_of
from tieout.aggregate.breakdown import NO_BREAKDOWN
from tieout.aggregate.window import UsageRequest
from tieout.contract.meter import Aggregation
from tieout.flows.entitled_plan import PlannedFeature
from tieout.flows.home import Home
from tieout.flows.read_log import read_log
from tieout.flows.standing_requests import Wanted
from tieout.kernel.quantity import Quantity, Unmeasurable
from tieout.ports.live import LiveAnswer, LiveMark, RequestDigest

Used = Mapping[RequestDigest, Quantity | None]
"""By what is asked for; None: it cannot be measured."""


def measures(planned: PlannedFeature) -> tuple[Wanted, ...]:
    """Of a feature, and of the units that are free of it."""
    return (*planned.wanted, *(free.wanted for free in planned.free))


def used_of(home: Home, wanted: Sequence[Wanted], *, kept_only: bool = False) -> tuple[LiveMark, Used]:
    """All at one watermark. What is not kept up is counted over the log as of there; with `kept_only` it is
    left out."""
    digests = dict.fromkeys(name for each in wanted for name in (each.fine_digest, each.digest))
    answer = home.live.read(list(digests), groups=False)
    mark = _head(home) if answer is None else answer.mark
    used: dict[RequestDigest, Quantity | None] = {}
    if answer is not None:
        for each in wanted:
            request, digest = _kept(each, answer)
            if digest is not None:
                used[each.digest] = _total(request, digest, answer)
    missing = [each for each in wanted if each.digest not in used]
    if missing and not kept_only:
        requests = [replace(each.request, breakdown=NO_BREAKDOWN) for each in missing]
        counted = read_log(
            home,
            lambda manifest: list(home.engine.measure_each(requests, manifest)),
            watermark=mark.watermark,
        )
        for each, one in zip(missing, counted, strict=True):
            used[each.digest] = None if isinstance(one, Unmeasurable) else one.quantity
    return mark, used


def _head(home: Home) -> LiveMark:
    head = home.log.head()
    return LiveMark(head, home.log.received_at(head))


def _kept(wanted: Wanted, answer: LiveAnswer) -> tuple[UsageRequest, str | None]:
    """Under which digest it is kept, if it is."""
    for request, digest in ((wanted.fine, wanted.fine_digest), (wanted.request, wanted.digest)):
        if digest in answer.kept:
            return request, digest
    return wanted.request, None


def _total(request: UsageRequest, digest: str, answer: LiveAnswer) -> Quantity | None:
    if request.meter.aggregation is Aggregation.UNIQUE:  # a reader does not read its texts
        return Quantity.of(answer.distinct[digest])
    try:
        return snapshot_of(request, answer.kept[digest], answer.mark.watermark).quantity
    except Unmeasurable:
        return None
