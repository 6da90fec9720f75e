"""Policies form a chain: each names the digest of the one it follows, so nobody can slip one in between. Whom
they name must be there: a signed policy that misspells a customer would bill nobody, and say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tieout.contract.document import DocumentKind
from tieout.contract.policy import Policy
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft


def check_policies(draft: Draft) -> Iterator[Problem]:
    """A named predecessor is known; version n + 1 of a policy follows version n; whom `off_cycle` names is in
    the catalog."""
    documents = [
        document
        for (kind, _), found in draft.documents.items()
        if kind is DocumentKind.POLICY
        for document in found
    ]
    digests = {document.digest for document in documents}
    for policy in draft.catalog.policies:
        if policy.predecessor_digest is not None and policy.predecessor_digest not in digests:
            message = f"there is no policy with the digest {policy.predecessor_digest}"
            yield draft.problem(DocumentKind.POLICY, policy, "predecessor_digest", message)
    for key in draft.catalog.policies.keys:
        for before, after in pairwise(draft.catalog.policies.versions(key)):
            if after.predecessor_digest != before.digest:
                message = f"must name v{before.version}, whose digest is {before.digest}"
                yield draft.problem(DocumentKind.POLICY, after, "predecessor_digest", message)
    for policy in draft.catalog.policies:
        yield from _named(draft, policy)


def _named(draft: Draft, policy: Policy) -> Iterator[Problem]:
    if policy.off_cycle is None:
        return
    named = (
        ("customers", DocumentKind.CUSTOMER, policy.off_cycle.customers),
        ("plans", DocumentKind.PLAN, policy.off_cycle.plans),
        ("prices", DocumentKind.PRICE, policy.off_cycle.prices),
    )
    for name, kind, keys in named:
        for place, key in enumerate(keys):
            missing = draft.missing(kind, key)
            if missing is not None:
                yield draft.problem(DocumentKind.POLICY, policy, f"off_cycle.{name}[{place}]", missing)
