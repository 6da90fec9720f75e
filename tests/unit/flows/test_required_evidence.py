"""Each requirement of a signed policy: without its evidence nothing is sealed and the account says what to
do; with it, the same close seals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_home import MARCH_3, POLICY, ingest, january, make_home, sign_policy
from tests.unit.flows.test_waivers import proposed, sign_all
from tieout.close.outcome import Held, Parked, Sealed
from tieout.contract.policy import PolicyRole, signer_role
from tieout.flows.approve_price import (
    NoPriceToSign,
    PriceSigned,
    all_price_versions,
    approve_price,
    write_price_request,
)
from tieout.flows.close_periods import close
from tieout.flows.control_totals import control_total, state_control_total
from tieout.flows.home import Home
from tieout.flows.policy import policies, register_key
from tieout.flows.required_evidence import record_verification
from tieout.flows.signed_file import SignatureRefused
from tieout.flows.verify_log import verify_log
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import NotForThisRole, sign_request
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.ports.review import Decision, ItemState, QuarantineQuery

ACME = CustomerId("acme")
JANUARY_10 = parse_instant("2026-01-10T00:00:00Z")
APRIL_2 = parse_instant("2026-04-02T00:00:00Z")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    home, clock = make_home(tmp_path / "home", now=JANUARY_10)
    with home:
        yield home, clock


def requiring(home: Home, clock: SteppedClock, requirement: str, *, used: bool = True) -> None:
    """February is under a policy that requires it; January was sealed under one that does not."""
    digest = policies(home)[0].policy.digest
    text = POLICY.replace("version = 1", f'version = 2\npredecessor_digest = "{digest}"')
    papers = home.folder / "second"
    papers.mkdir()
    sign_policy(home, papers, text.replace("2025-12-01", "2026-01-20") + f'requires = ["{requirement}"]\n')
    clock.set_to(MARCH_3)
    if used:
        ingest(home, [{**event, "time": str(event["time"]).replace("-01-", "-02-")} for event in january(5)])


def of_february(home: Home, *, dry_run: bool = False) -> Sealed | Parked | Held:
    report = close(home, as_of=home.clock.now(), customers=(ACME,), dry_run=dry_run)
    (found,) = (
        outcome
        for _, period, outcome in report.outcomes
        if period is not None and period.start == parse_instant("2026-02-01T00:00:00Z")
    )
    assert isinstance(found, Sealed | Parked | Held), found
    return found


def parked(home: Home) -> Parked:
    assert isinstance(of_february(home, dry_run=True), Parked), "a dry run says so as well"
    found = of_february(home)
    assert isinstance(found, Parked), found
    return found


def test_a_verification_of_the_log_must_reach_the_cutoff(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "verified_log")
    found = parked(home)
    assert found.reason == "nobody has put a verification of the log on record"
    assert "tieout verify --record-as NAME" in found.next_action
    record_verification(home, verify_log(home), person="Chi", findings=2)
    assert "found 2 flaws" in parked(home).reason
    record_verification(home, verify_log(home), person="Chi", findings=0)
    ingest(home, january(1), name="more.ndjson")
    assert parked(home).reason == "the log is verified up to batch 1, and this is drafted up to 2"
    record_verification(home, verify_log(home), person="Chi", findings=0)
    assert isinstance(of_february(home), Sealed)


def stated(home: Home, id: str, start: str, end: str, events: int) -> None:
    state_control_total(
        home,
        control_total(
            source="gateway",
            id=id,
            type="api.call",
            start=start,
            end=end,
            events=str(events),
            field=None,
            total=None,
        ),
        by="Gus",
    )


def test_control_totals_must_cover_the_period_and_tie(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "control_totals")
    assert parked(home).reason == (
        "gateway has stated no control total of api.call from 2026-02-01T00:00:00Z until 2026-03-01T00:00:00Z"
    )
    stated(home, "first", "2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z", 6)
    assert "from 2026-02-03T00:00:00Z until 2026-03-01T00:00:00Z" in parked(home).reason
    stated(home, "rest", "2026-02-03T00:00:00Z", "2026-03-01T00:00:00Z", 10)
    assert isinstance(of_february(home), Held), "a total that differs holds whatever the policy says"
    ingest(
        home,
        [{**event, "id": "found", "time": "2026-02-20T00:00:00Z"} for event in january(1)[:1]],
        name="found.ndjson",
    )
    assert isinstance(of_february(home), Sealed)


def test_a_period_without_usage_needs_no_total(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "control_totals", used=False)
    assert isinstance(of_february(home), Sealed)


def test_a_total_whose_window_has_not_ended_does_not_cover_yet(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "control_totals")
    stated(home, "long", "2026-02-01T00:00:00Z", "2026-03-09T00:00:00Z", 17)
    found = parked(home)
    assert found.reason == "control total long of gateway does not tie yet for api.call"
    assert "tieout ingest control-totals --source gateway" in found.next_action


def test_a_waived_difference_covers(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "control_totals")
    stated(home, "jan", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", 16)
    assert isinstance(of_february(home), Held)
    generate_key(home.folder / "papers/engineering.key", home.folder / "papers/engineering.pub")
    register_key(home, signer_role("engineering"), "Eli", home.folder / "papers/engineering.pub")
    proposed(home)
    sign_all(home)
    assert isinstance(of_february(home), Sealed)


def test_what_waits_in_quarantine_is_decided_first(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "decided_quarantine")
    wrong = [{**event, "id": "wrong", "data": {}} for event in january(1)[:1]]
    ingest(home, wrong, name="wrong.ndjson")
    found = parked(home)
    assert found.reason == "1 item waits in quarantine, of gateway (1)"
    assert "tieout quarantine list" in found.next_action
    discard_all(home)
    assert isinstance(of_february(home), Sealed)


def discard_all(home: Home) -> None:
    items = [each.item.position for each in home.review.items(QuarantineQuery(state=ItemState.OPEN))]
    home.review.discard(items, Decision("Gus", "a test's mistake", home.clock.now()))


def sign_price(home: Home, price: str, *, role: PolicyRole = PolicyRole.FINANCE) -> None:
    papers = home.folder / "second"
    request, out = papers / f"{price}.json", papers / f"{price}.{role.value}"
    write_price_request(home, price, None, request)
    person = {PolicyRole.PRODUCT: "Ada", PolicyRole.FINANCE: "Bram", PolicyRole.OPS: "Chi"}[role]
    key = papers / f"{role.value}.key"
    sign_request(request, private_key=key, role=role, person=person, out=out, as_price=True)
    approve_price(home, out)


def test_every_price_on_the_invoice_is_signed(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "signed_prices")
    found = parked(home)
    assert found.reason == (
        "nobody has signed price calls-usd v1, price fee-usd v1, price stored-usd v1, price tokens-usd v1"
    )
    assert "tieout price request PRICE" in found.next_action
    for price in ("calls-usd", "fee-usd", "stored-usd"):
        sign_price(home, price)
    assert parked(home).reason == "nobody has signed price tokens-usd v1"
    sign_price(home, "tokens-usd", role=PolicyRole.PRODUCT)
    assert isinstance(of_february(home), Sealed)


def test_a_price_is_signed_by_product_or_finance_once_and_for_itself(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "signed_prices")
    with pytest.raises(SignatureRefused, match="for product or finance to sign, not for ops"):
        sign_price(home, "calls-usd", role=PolicyRole.OPS)
    sign_price(home, "calls-usd")
    with pytest.raises(PriceSigned, match="Bram has signed price calls-usd v1 already"):
        sign_price(home, "calls-usd")
    with pytest.raises(NoPriceToSign, match="'gone'"):
        sign_price(home, "gone")
    papers = home.folder / "second"
    write_price_request(home, "fee-usd", None, papers / "fee.json")
    key, out = papers / "finance.key", papers / "out"
    with pytest.raises(NotForThisRole, match="tieout price sign"):
        sign_request(papers / "fee.json", private_key=key, role=PolicyRole.FINANCE, person="Bram", out=out)
    with pytest.raises(NotForThisRole, match="tieout policy sign"):
        sign_request(
            papers / "request.json",
            private_key=key,
            role=PolicyRole.FINANCE,
            person="Bram",
            out=out,
            as_price=True,
        )
    waiting = [each.name for each in all_price_versions(home) if not each.signatures]
    assert "price calls-usd v1" not in waiting and "price fee-usd v1" in waiting


def test_a_signature_over_a_policy_is_none_over_a_price(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    requiring(home, clock, "signed_prices")
    with pytest.raises(SignatureRefused, match="over no price version"):
        approve_price(home, home.folder / "second" / "finance.signature")
