"""What stands beside the paper: the policy's signatures, and the transitions in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieout.evidence.verify.pack import Members, Pack
from tieout.evidence.verify.report import Report
from tieout.kernel.canonical import token
from tieout.kernel.ed25519 import is_signed
from tieout.kernel.instant import format_instant, parse_instant

POLICY = "policy.json"
TRANSITIONS = "invoice/transitions.json"
ROLES = ("finance", "ops", "product")
SIGNED_FORMAT = b"tieout/policy-signature/1"


def check_policy(pack: Pack, manifest: Members, document: Members) -> None:
    """Three roles signed the policy that the document names, each with a key that was registered for it."""
    report, said, named = pack.report, pack.json(POLICY), document["policy"]
    report.compare(
        POLICY, [("home", manifest["home"], said["home"]), ("policy digest", named["digest"], said["digest"])]
    )
    policy = pack.by_digest.get(named["digest"])
    if policy is None:
        report.add(POLICY, "policy", f"a document with digest {named['digest']}", "none")
        return
    keys = {key["key_id"]: key for key in said["keys"]}
    valid: list[Members] = []
    printed = {(each["role"], each["key_id"]) for each in named["signatures"]}
    for signature in said["signatures"]:
        why = _why_invalid(signature, keys.get(signature["key_id"]), said, policy)
        if why is None and parse_instant(signature["signed_at"]) > parse_instant(document["issued_at"]):
            why = "it was made after the seal"
        if why is None:
            valid.append(signature)
        else:
            report.add(POLICY, f"signature of {signature['role']}", "one that verifies", why)
    counted = [each for each in valid if (each["role"], each["key_id"]) in printed]
    report.compare(
        POLICY,
        [
            ("roles that signed", list(ROLES), sorted({each["role"] for each in counted})),
            (
                "keys that signed",
                sorted(map(str, printed)),
                sorted(str((e["role"], e["key_id"])) for e in counted),
            ),
            (
                "keys",
                sorted({each["key_id"] for each in said["signatures"]}),
                _column(said["keys"], "key_id"),
            ),
            ("signatures", sorted(said["signatures"], key=lambda each: each["role"]), said["signatures"]),
            ("signatures printed", len(printed), len(named["signatures"])),
            ("different keys", len(ROLES), len({keys[each["key_id"]]["public_key"] for each in counted})),
        ],
    )
    if policy.get("small_team_exception") is None:
        people = {_person(each["person"]) for each in counted}
        report.compare(POLICY, [("different people", len(ROLES), len(people))])
        if _person(policy["proposer"]) in people:
            report.add(POLICY, "people", f"not the proposer, {policy['proposer']}", "the proposer too")
    report.checked.append(
        f"The policy is signed by {', '.join(sorted(str(each['person']) for each in counted))}."
    )


def _why_invalid(signature: Members, key: Members | None, said: Members, policy: Members) -> str | None:
    if key is None:
        return f"no key {signature['key_id']}"
    if (key["role"], key["person"]) != (signature["role"], signature["person"]):
        return "its key is registered for somebody else"
    at = parse_instant(signature["signed_at"])
    if at < parse_instant(key["registered_at"]):
        return "it was made before its key was registered"
    if key["revoked_at"] is not None and at >= parse_instant(key["revoked_at"]):
        return "its key was revoked before"
    message = token(SIGNED_FORMAT) + b"".join(
        token(str(part).encode())
        for part in (
            said["home"],
            said["digest"],
            policy.get("predecessor_digest") or "",
            signature["role"],
            format_instant(parse_instant(policy["effective_from"])),
        )
    )
    if not is_signed(bytes.fromhex(key["public_key"]), message, bytes.fromhex(signature["signature"])):
        return "it is not the key's over this policy"
    return None


def _person(name: str) -> str:
    return " ".join(name.casefold().split())


def check_transitions(pack: Pack, manifest: Members, document: Members) -> None:
    """Numbered from 1, never back in time, sealed once, with the document's digest, and voided only after."""
    report, found = pack.report, pack.json(TRANSITIONS)
    report.compare(TRANSITIONS, [("numbers", list(range(1, len(found) + 1)), _column(found, "sequence"))])
    at = [parse_instant(each["at"]) for each in found]
    report.compare(TRANSITIONS, [("instants", sorted(at), at)])
    what = _column(found, "what")
    if what.count("sealed") != 1:
        report.add(TRANSITIONS, "seals", 1, what.count("sealed"))
        return
    place = what.index("sealed")
    sealed = found[place]
    report.compare(
        TRANSITIONS,
        [
            ("sealed SHA-256", manifest["invoice"]["sha256"], sealed["sha256"]),
            ("number", document["number"], sealed["number"]),
            ("cutoff", document["cutoff"], sealed["cutoff"]),
            ("instant of the seal", document["issued_at"], sealed["at"]),
            ("after the seal", [], [each for each in what[place + 1 :] if each != "voided"]),
        ],
    )
    _check_drafts(report, found[:place])
    if "voided" in what:
        report.checked.append("NOTE: this invoice was voided later; what it asks for is not owed any more.")
    report.checked.append(f"{len(found):,} transitions follow each other, from draft to seal.")


def _check_drafts(report: Report, before: Sequence[Members]) -> None:
    """Revisions are numbered from 1; what people say is of one of them, approvals of its bytes."""
    drafts = [each for each in before if each["what"] in ("drafted", "held")]
    report.compare(TRANSITIONS, [("revisions", list(range(1, len(drafts) + 1)), _column(drafts, "revision"))])
    digests = {each["revision"]: each["sha256"] for each in drafts}
    for each in before:
        if each["what"] == "approval":
            report.compare(TRANSITIONS, [("what is approved", digests.get(each["revision"]), each["sha256"])])
        elif each not in drafts and each["revision"] not in digests:
            report.add(TRANSITIONS, f"{each['what']} {each['sequence']}", "of a revision", each["revision"])
        elif each["what"] in ("note", "objection"):
            report.compare(TRANSITIONS, [(f"digest of a {each['what']}", None, each["sha256"])])
    if before:
        report.not_derived.append(f"{TRANSITIONS}: what people said of drafts is stated, not signed.")


def _column(rows: Iterable[Members], name: str) -> list[object]:
    return [row[name] for row in rows]
