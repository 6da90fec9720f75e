"""Why nothing was recorded or signed for readiness."""

from __future__ import annotations

from collections.abc import Sequence

from tieout.contract.policy import SignerRole
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant
from tieout.readiness.documents import ReadinessDocument
from tieout.readiness.facts import Expectation
from tieout.readiness.item import ItemKey, NotApplicable, Open, Passed
from tieout.readiness.override import OVERRIDE_DAYS_MAX
from tieout.readiness.standing import Standing


class NoSuchItem(NotFound):
    """The launch review has no such item."""

    code = "no-such-item"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no item {shown(name)}; there are {', '.join(ItemKey)}.")


class NoSuchReadinessDocument(NotFound):
    """Nothing was recorded under that digest."""

    code = "no-such-readiness-document"

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"No sign-off, sample or override has the digest {shown(digest)}, or more than one begins so; "
            "`tieout readiness documents` lists them."
        )


class ItemNotPassed(ConflictError):
    """What is signed off is an item whose check passes, on the evidence that the signer read."""

    code = "item-not-passed"

    def __init__(self, found: Standing, *, other_than: str | None = None) -> None:
        name = found.item.key.value
        match found.checked:
            case NotApplicable(reason):
                said = f"Item {name} is not applicable, and needs no sign-off: {reason}."
            case Open():
                problems = "; ".join(each.what for each in found.problems)
                said = f"Item {name} is open, so nobody can sign it off yet: {problems}."
            case Passed():
                said = (
                    f"Item {name} stands on other evidence than the document {(other_than or '')[:16]}: read "
                    f"it again (tieout readiness show {name}), and sign what it stands on now."
                )
        super().__init__(said)


class NothingOpen(ConflictError):
    """An override passes over problems that there are."""

    code = "nothing-open"

    def __init__(self, name: str) -> None:
        super().__init__(f"Item {name} is not open: there is nothing to pass over.")


class NeverOverridden(ConflictError):
    """Four items are mended or stay open."""

    code = "never-overridden"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Item {name} has no override: failed replays, incomplete evidence of disputes, totals that "
            "finance cannot reproduce and unapproved backfills are mended, not passed over."
        )


class OverrideLength(Refusal):
    """An override runs out, and soon enough that somebody looks again."""

    code = "override-length"

    def __init__(self, until: Instant, now: Instant) -> None:
        super().__init__(
            f"--until {format_instant(until)} must be after now ({format_instant(now)}) and at most "
            f"{OVERRIDE_DAYS_MAX} days ahead."
        )


class MalformedSample(Refusal):
    """What was typed is no expectation of one of the account's papers."""

    code = "malformed-sample"

    def __init__(self, account: CustomerId, problems: Sequence[str]) -> None:
        super().__init__(f"Nothing was recorded for {account}: {'; '.join(problems)}.")


class SampleTooLate(ConflictError):
    """What is expected is recorded and signed before the run, or it is no expectation."""

    code = "sample-too-late"

    def __init__(self, expected: Expectation, why: str) -> None:
        super().__init__(
            f"The paper of {expected.account} {expected.billed} is {why}: what is expected of it had to be "
            "recorded and signed before that. Record what is expected of the next period."
        )


class RoleDoesNotSign(Refusal):
    """Each paper is signed by the roles that answer for it."""

    code = "role-does-not-sign"

    def __init__(self, document: ReadinessDocument, role: SignerRole, roles: Sequence[SignerRole]) -> None:
        named = ", ".join(each.value for each in roles)
        said = f"{document.kind.value} of {document.subject}"
        super().__init__(f"The {said} is signed by {named}, not by {role.value}.")


class WhoSigns(Refusal):
    """Several people, or nobody, hold a key of the role."""

    code = "who-signs"

    def __init__(self, role: SignerRole, found: int) -> None:
        if found:
            said = f"{found} keys are registered (`tieout policy keys`): say who signs with --person"
        else:
            said = "no key is registered: `tieout policy register` registers one"
        super().__init__(f"For {role.value} {said}.")
