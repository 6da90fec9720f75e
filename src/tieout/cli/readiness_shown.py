"""The launch review in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import Json, console, note, plain, print_json, say, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tieout.contract.signature import Signature
    from tieout.flows.readiness import Review
    from tieout.flows.readiness_signing import SampleSaid
    from tieout.readiness.documents import ReadinessDocument
    from tieout.readiness.level import RecordedLevel
    from tieout.readiness.standing import Standing

INDENT = "    "
NOT_STARTED = (
    "Readiness was not started here: every account is billed, and nothing is refused. "
    "`tieout readiness level narrow --accounts A,B` starts it."
)


def review_page(found: Review) -> RenderableType:
    from collections import Counter

    from rich.console import Group
    from rich.text import Text

    from tieout.readiness.level import level_text

    counts = Counter(each.state.value for each in found.standings)
    said = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    head = NOT_STARTED if found.level is None else f"Level: {level_text(found.level)}."
    parts: list[RenderableType] = [Text(plain(f"{head}\n{len(found.standings)} items: {said}."))]
    for each in found.standings:
        parts += [Text(""), standing_page(each)]
    return Group(*parts)


def standing_page(found: Standing) -> RenderableType:
    """The item and where it stands, and below it, further in, what it stands on and what is to do."""
    from textwrap import wrap

    from rich.console import Group
    from rich.text import Text

    head = Text(f"{found.item.key.value}: {found.state.value.upper()}", style="bold")
    head.append(plain(f"  {found.item.asks}"), style="not bold")
    width = console().width
    lines = (
        Text(plain(part))
        for line in _lines(found)
        for part in wrap(line, width, initial_indent=INDENT, subsequent_indent=INDENT + "  ")
    )
    return Group(head, *lines)


def _lines(found: Standing) -> Iterator[str]:
    from tieout.kernel.instant import format_instant
    from tieout.readiness.item import NotApplicable, Open, evidence_of

    if isinstance(found.checked, NotApplicable):
        yield found.checked.reason
    for fact in evidence_of(found.checked):
        yield f"{fact.name}: {fact.value}"
    if isinstance(found.checked, Open):
        for problem in found.problems:
            yield f"- {problem.what}. Next: {problem.next_action}"
    else:
        yield from _unsigned_lines(found)
    if found.override is not None:
        over = found.override
        signers = ", ".join(f"{each.person} ({each.role.value})" for each in over.signatures)
        yield f"overridden until {format_instant(over.until)} by {signers}: {over.reason}"
    if found.signed:
        signers = ", ".join(
            f"{each.person} ({each.role.value}) at {format_instant(each.signed_at)}" for each in found.signed
        )
        yield f"signed off by {signers}"


def _unsigned_lines(found: Standing) -> Iterator[str]:
    """The check passed, and people have yet to say so."""
    fresh = ", ".join(role.value for role in found.missing if role not in found.stale)
    stale = ", ".join(role.value for role in found.stale)
    action = f"Next: tieout readiness sign {found.item.key.value} --role R --key FILE"
    if stale:
        yield f"- what {stale} signed was other evidence than there is now. {action}"
    if fresh:
        yield f"- not signed off by {fresh}. {action}"


def review_json(found: Review) -> Json:
    return {
        "level": None if found.level is None else _level_json(found.level),
        "started": found.level is not None,
        "open": [each.item.key.value for each in found.open],
        "items": [standing_json(each) for each in found.standings],
    }


def standing_json(found: Standing) -> Json:
    from tieout.kernel.instant import format_instant
    from tieout.readiness.item import NotApplicable, evidence_of

    over = found.override
    return {
        "item": found.item.key.value,
        "asks": found.item.asks,
        "state": found.state.value,
        "reason": found.checked.reason if isinstance(found.checked, NotApplicable) else None,
        "evidence": [
            {"name": each.name, "value": each.value, "signed": each.signed}
            for each in evidence_of(found.checked)
        ],
        "evidence_digest": found.digest,
        "problems": [{"what": each.what, "next_action": each.next_action} for each in found.problems],
        "may_be_overridden": found.may_be_overridden,
        "signs_off": [role.value for role in found.item.roles],
        "signed": [_signature_json(each) for each in found.signed],
        "missing": [role.value for role in found.missing],
        "stale": [role.value for role in found.stale],
        "override": None
        if over is None
        else {
            "digest": over.digest,
            "reason": over.reason,
            "proposed_by": over.proposer,
            "until": format_instant(over.until),
            "signed": [_signature_json(each) for each in over.signatures],
        },
    }


def say_levels(levels: Sequence[RecordedLevel], *, as_json: bool) -> None:
    from tieout.kernel.instant import format_instant

    if as_json:
        print_json([_level_json(each) for each in levels])
        return
    if not levels:
        note(NOT_STARTED)
        return
    rows = (
        [
            *(str(each.seq), each.level.value, ", ".join(each.accounts) or "all"),
            *(each.person, each.reason, format_instant(each.recorded_at)),
        ]
        for each in levels
    )
    say(table(("no.>", "level", "accounts billed", "by", "reason", "since"), rows))


def say_papers(
    documents: Sequence[tuple[ReadinessDocument, tuple[Signature, ...]]], *, as_json: bool
) -> None:
    if as_json:
        print_json([_document_json(document, signed) for document, signed in documents])
        return
    rows = (
        [
            *(document.kind.value, document.subject, _gist(document)),
            "\n".join(f"{each.person} ({each.role.value})" for each in signed),
            ", ".join(_missing(document, signed)),
            document.digest[:16],
        ]
        for document, signed in documents
    )
    say(table(("paper", "of", "says", "signed by", "missing", "digest"), rows))


def say_recorded(document: ReadinessDocument, signed: Signature | None, *, as_json: bool) -> None:
    if as_json:
        print_json(_document_json(document, () if signed is None else (signed,)))
        return
    said = f"{document.kind.value} of {document.subject}: {_gist(document)}; digest {document.digest[:16]}"
    say(plain(said[0].upper() + said[1:]))
    if signed is None:
        digest = document.digest[:16]
        note(
            f"It counts once it is signed: tieout readiness sign {digest} --role R --key FILE; or offline, "
            f"tieout readiness request {digest} --out FILE."
        )
    else:
        say(plain(f"Signed by {signed.person} ({signed.role.value})."))


def say_signed(document: ReadinessDocument, signed: Signature, *, as_json: bool) -> None:
    if as_json:
        print_json({**_signature_json(signed), "digest": document.digest, "paper": document.kind.value})
    else:
        what = f"{document.kind.value} of {document.subject}"
        say(plain(f"{signed.person} ({signed.role.value}) signed the {what}, {document.digest[:16]}."))


def sample_said(
    account: str,
    period: str,
    *,
    role: str,
    person: str,
    amount: str,
    on: str,
    paper: str,
    currency: str | None,
) -> SampleSaid:
    """Raises `MalformedOption`."""
    from tieout.contract.policy import PolicyRole
    from tieout.flows.readiness_signing import SampleSaid
    from tieout.readiness.facts import Paper

    if role not in tuple(PolicyRole):
        raise MalformedOption("--role", f"{role!r} is not one of {', '.join(PolicyRole)}")
    if paper not in tuple(Paper):
        raise MalformedOption("--paper", f"{paper!r} is not one of {', '.join(Paper)}")
    start, _, end = period.partition("/")
    return SampleSaid(
        account,
        _day("--period", start),
        _day("--period", end),
        PolicyRole(role),
        person,
        amount,
        _day("--date", on),
        Paper(paper),
        currency,
    )


def _day(option: str, text: str) -> date:
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    form = "2026-01-01/2026-02-01" if option == "--period" else "2026-01-31"
    raise MalformedOption(option, f"{text!r} is not a date, such as {form}")


def _gist(document: ReadinessDocument) -> str:
    """In one line what it says."""
    from tieout.readiness.documents import ReadinessKind

    members = document.members
    match document.kind:
        case ReadinessKind.SAMPLE:
            paper = "" if members["paper"] == "invoice" else f" ({members['paper']})"
            expects = f"{members['role']} expects {members['currency']} {members['amount']}"
            return f"{members['from']}/{members['until']}{paper}: {expects} on {members['date']}"
        case ReadinessKind.OVERRIDE:
            return f"until {members['until']}, proposed by {members['proposed_by']}: {members['reason']}"
        case ReadinessKind.SIGN_OFF:
            return f"evidence {str(members['evidence_digest'])[:16]}"


def _missing(document: ReadinessDocument, signed: Sequence[Signature]) -> list[str]:
    from tieout.readiness.documents import roles_that_sign

    have = {each.role for each in signed}
    return [role.value for role in roles_that_sign(document) if role not in have]


def _document_json(document: ReadinessDocument, signed: Sequence[Signature]) -> Json:
    import json

    from tieout.kernel.instant import format_instant

    return {
        "digest": document.digest,
        "paper": document.kind.value,
        "of": document.subject,
        "document": json.loads(document.document),
        "recorded_at": format_instant(document.recorded_at),
        "signed": [_signature_json(each) for each in signed],
        "missing": _missing(document, signed),
    }


def _signature_json(signed: Signature) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    return {
        "role": signed.role.value,
        "person": signed.person,
        "key_id": signed.key_id,
        "signed_at": format_instant(signed.signed_at),
    }


def _level_json(level: RecordedLevel) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "number": level.seq,
        "level": level.level.value,
        "accounts": list(level.accounts),
        "by": level.person,
        "reason": level.reason,
        "since": format_instant(level.recorded_at),
    }
