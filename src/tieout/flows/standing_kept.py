"""The kept requests as the process that follows the log holds them: read when a subject is first met, written
with the watermark.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from tieout.aggregate.accumulation import Accumulation
from tieout.aggregate.standing import Standing
from tieout.aggregate.window import UsageRequest
from tieout.contract.catalog import Catalog
from tieout.flows.home import Home
from tieout.flows.standing_requests import request_of, standing_row
from tieout.kernel.ids import CustomerId, Subject
from tieout.ports.live import LiveMark, RequestDigest, StandingChange

HELD_MAX: Final = 200_000
"""Requests in memory; beyond, all are let go after the next commit, and read again when they are met."""
GROUPS_KEPT_MAX: Final = 5_000
TEXTS_KEPT_MAX: Final = 200_000
"""Of one request; one with more is given up, and answered by the engine."""


class StandingKept:
    """What it holds is what the store has, plus the batches since its last commit."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._by_subject: dict[Subject, tuple[Standing, ...]] = {}
        self._by_digest: dict[RequestDigest, Standing] = {}
        self._changed: dict[RequestDigest, Standing] = {}
        self._recounted: set[RequestDigest] = set()

    def of_subjects(self, catalog: Catalog, subjects: Collection[Subject]) -> list[Standing]:
        """Every request with a span of one of them, each once."""
        unmet = [subject for subject in subjects if subject not in self._by_subject]
        if unmet:
            self._meet(catalog, unmet)
        found = {each.digest: each for subject in subjects for each in self._by_subject[subject]}
        return list(found.values())

    def of_customer(self, catalog: Catalog, customer: CustomerId) -> list[Standing]:
        """The requests of a customer that was met, or whose subjects the catalog names."""
        subjects = {span.subject for span in catalog.subjects.of_customer(customer)}
        return [each for each in self.of_subjects(catalog, subjects) if each.request.customer == customer]

    def note(self, touched: Iterable[Standing]) -> None:
        self._changed |= {each.digest: each for each in touched}

    def stale(self) -> list[Standing]:
        return [each for each in self._changed.values() if each.is_stale]

    def recounted(self, standing: Standing, one: Accumulation) -> None:
        standing.accumulation, standing.is_stale = one, False
        self._recounted.add(standing.digest)

    def commit(self, mark: LiveMark) -> None:
        assert not self.stale(), "what is stale is counted again before it is stored"
        changes = [self._change(each) for each in self._changed.values()]
        self._home.live.advance(mark, changes)
        for standing in self._changed.values():
            standing.groups.clear()
            standing.texts.clear()
            standing.groups_gone.clear()
        self._recounted.clear()

    def give_up_too_fine(self) -> frozenset[CustomerId]:
        """Lets go of requests that have become too large to keep; returns whose they were. Ends the round."""
        changed, self._changed = self._changed, {}
        gone = [
            each
            for each in changed.values()
            if len(each.accumulation.groups) > GROUPS_KEPT_MAX
            or len(each.accumulation.texts) > TEXTS_KEPT_MAX
        ]
        for standing in gone:
            self._home.live.give_up(standing.digest, standing.request.customer)
            self._forget(standing)
        if len(self._by_digest) > HELD_MAX:
            self._by_subject.clear()
            self._by_digest.clear()
        return frozenset(each.request.customer for each in gone)

    def add(self, counted: Sequence[tuple[UsageRequest, RequestDigest, Accumulation]]) -> None:
        """Requests as they are at the store's watermark. Nothing may be waiting to be committed."""
        assert not self._changed, "requests are added between two commits"
        kept = []
        for request, digest, one in counted:
            if len(one.groups) > GROUPS_KEPT_MAX or len(one.texts) > TEXTS_KEPT_MAX:
                self._home.live.give_up(digest, request.customer)
                continue
            kept.append((standing_row(request, digest), one))
            for span in request.spans:
                self._by_subject.pop(span.subject, None)
        self._home.live.add(kept)

    def drop(self, digests: Sequence[RequestDigest]) -> None:
        self._home.live.drop(digests)
        for digest in digests:
            standing = self._by_digest.get(digest)
            if standing is not None:
                self._forget(standing)

    def _meet(self, catalog: Catalog, subjects: Sequence[Subject]) -> None:
        rows = self._home.live.standing(subjects)
        unread = [row.digest for row in rows if row.digest not in self._by_digest]
        accumulations = self._home.live.kept(unread)
        lost = []
        for row in rows:
            if row.digest in self._by_digest:
                continue
            request = request_of(catalog, row)
            if request is None:
                lost.append(row.digest)
            else:
                self._by_digest[row.digest] = Standing(request, row.digest, accumulations[row.digest])
        if lost:
            self._home.live.drop(lost)
        found: dict[Subject, list[Standing]] = {subject: [] for subject in subjects}
        for row in rows:
            standing = self._by_digest.get(row.digest)
            for subject in {subject for subject, _, _ in row.spans} if standing else ():
                if standing is not None and subject in found:
                    found[subject].append(standing)
        self._by_subject |= {subject: tuple(mine) for subject, mine in found.items()}

    def _forget(self, standing: Standing) -> None:
        self._by_digest.pop(standing.digest, None)
        for span in standing.request.spans:
            self._by_subject.pop(span.subject, None)

    def _change(self, standing: Standing) -> StandingChange:
        whole = standing.digest in self._recounted
        return StandingChange(
            standing.digest,
            standing.accumulation,
            None if whole else set(standing.groups),
            None if whole else set(standing.texts),
            list(standing.groups_gone),
        )
