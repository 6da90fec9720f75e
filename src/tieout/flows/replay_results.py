"""Results of replays that a home keeps, for whoever asks what the latest said; and which of them count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.contract.document import Document
from tieout.flows.home import Home
from tieout.kernel.digest import document_digest
from tieout.ports.replay_results import KeptResult
from tieout.replay.result import MalformedResult, ReplayResult, parse_result, result_text
from tieout.replay.terms import NO_TERMS, Apart, apart, terms_digest


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run by its number in the home. `apart`: why it does not count there now; None where it does.
    `forgets`: the number of an earlier result of the set, whose declarations are not in this one any more."""

    number: int
    result: ReplayResult
    apart: Apart | None
    forgets: int | None = None


def terms_of(home: Home, fresh: Sequence[Document] = ()) -> str:
    """The digest of all terms that were applied there, in force yet or not; with those that are to be."""
    return terms_digest((*home.books.documents.all(leaving_out=NO_TERMS), *fresh))


def keep_result(home: Home, result: ReplayResult) -> KeptRun:
    """Adds it to the others of the home, where it stays."""
    text = result_text(result)
    kept = home.books.replay_results.add(text, document_digest(text), recorded_at=home.clock.now())
    return KeptRun(kept.number, result, apart(result, home=home.home_id, terms=terms_of(home)))


def read_kept(kept: KeptResult) -> ReplayResult:
    """Raises `MalformedResult` for one that was changed in the books."""
    where = f"replay result {kept.number}"
    found = document_digest(kept.document)
    if found != kept.digest:
        raise MalformedResult(where, f"digest {kept.digest} was kept, {found} is stored")
    return parse_result(kept.document, where)


def latest_results(home: Home, fresh: Sequence[Document] = ()) -> tuple[KeptRun, ...]:
    """Of each set the latest that counts and the latest that does not, in the order in which they were kept:
    a candidate's run does not take the place of the one with the terms that the home has. With `fresh`: as it
    will be once they are applied.

    Raises `MalformedResult` for one that was changed."""
    terms = terms_of(home, fresh)
    latest: dict[tuple[str, str | None, Apart | None], KeptRun] = {}
    declared: dict[tuple[str, str | None], dict[tuple[str, ...], int]] = {}
    for kept in home.books.replay_results.all():
        result = read_kept(kept)
        why = apart(result, home=home.home_id, terms=terms)
        forgets = None
        if result.declared is not None:
            earlier = declared.setdefault((result.set_name, result.home), {})
            gone = [number for said, number in earlier.items() if result.declared[: len(said)] != said]
            forgets = min(gone, default=None)
            earlier.setdefault(result.declared, kept.number)
        latest[result.set_name, result.home, why] = KeptRun(kept.number, result, why, forgets)
    return tuple(sorted(latest.values(), key=lambda each: each.number))
