"""Balances go from one period to the next in order: a later one waits for an earlier one, visibly; and a
top-up is asked for once for each time that the credit falls below its threshold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.balances import ACME, give, make_balances_home, movements, two_months
from tests.small_home import MARCH_3, call, ingest, make_home
from tieout.balance.top_up import top_up_request
from tieout.close.outcome import NotDue, Parked, Sealed
from tieout.contract.party import TopUp
from tieout.flows import asked
from tieout.flows.close_periods import close
from tieout.flows.draft_balances import WAITS
from tieout.kernel.ids import InvoiceId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.money import currency
from tieout.kernel.rational import exact


def test_a_period_waits_while_an_earlier_one_is_parked(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    home, _ = make_balances_home(tmp_path / "home", now=MARCH_3)
    honest = asked.charges

    def broken(segments, snapshots):  # type: ignore[no-untyped-def]
        if any(
            each.customer == ACME and each.part.start < parse_instant("2026-01-31T00:00:00Z")
            for each in segments
        ):
            raise ValueError("no rating today")
        return honest(segments, snapshots)

    with home:
        two_months(home)
        monkeypatch.setattr(asked, "charges", broken)
        outcomes = [each for each in close(home, as_of=MARCH_3).outcomes if each[0] == ACME]
        assert [type(outcome) for _, _, outcome in outcomes] == [Parked, Parked]
        assert outcomes[1][2] == WAITS
        assert [each.kind.value for each in movements(home)] == ["granted", "granted"]
        monkeypatch.setattr(asked, "charges", honest)
        outcomes = [each for each in close(home, as_of=MARCH_3).outcomes if each[0] == ACME]
        assert [type(outcome) for _, _, outcome in outcomes] == [Sealed, Sealed]


def test_a_grant_between_draft_and_seal_parks_the_account_and_the_next_close_seals_it(
    tmp_path: Path,
    monkeypatch,  # type: ignore[no-untyped-def]
) -> None:
    home, _ = make_balances_home(tmp_path / "home", now=MARCH_3)
    with home:
        two_months(home)
        from tieout.flows import close_periods

        honest = close_periods.draft_accounts

        def slow(*arguments, **named):  # type: ignore[no-untyped-def]
            drafted = honest(*arguments, **named)
            give(home, "acme", "1.00", "meanwhile")
            return drafted

        monkeypatch.setattr(close_periods, "draft_accounts", slow)
        found = [outcome for customer, _, outcome in close(home, as_of=MARCH_3).outcomes if customer == ACME]
        assert found
        assert all(isinstance(outcome, Parked) and "have moved" in outcome.reason for outcome in found)
        monkeypatch.setattr(close_periods, "draft_accounts", honest)
        found = [outcome for customer, _, outcome in close(home, as_of=MARCH_3).outcomes if customer == ACME]
        assert [type(outcome) for outcome in found] == [Sealed, Sealed]


def test_a_customer_without_balances_does_not_wait(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    home, _ = make_home(tmp_path / "home", now=MARCH_3)
    honest = asked.charges

    def broken(segments, snapshots):  # type: ignore[no-untyped-def]
        if any(each.part.start < parse_instant("2026-01-15T00:00:00Z") for each in segments):
            raise ValueError("no rating today")
        return honest(segments, snapshots)

    with home:
        ingest(home, [call(1, "acme", "2026-02-05T00:00:00Z")])
        monkeypatch.setattr(asked, "charges", broken)
        found = [outcome for customer, _, outcome in close(home, as_of=MARCH_3).outcomes if customer == ACME]
        assert [type(outcome) for outcome in found if not isinstance(outcome, NotDue)] == [Parked, Sealed]


def test_a_top_up_is_requested_once_until_the_credit_has_recovered(tmp_path: Path) -> None:
    """25.00, threshold 20.00: nothing. 15.00 left: one request; still 15.00: none. 30.00 more, spent again:
    one."""
    usd = currency("USD")
    home, _ = make_home(tmp_path / "home", now=MARCH_3)
    with home:
        give(home, "acme", "25.00", "first", effective_at=Instant(0))
        grants = list(movements(home))
        give(home, "acme", "30.00", "second", effective_at=Instant(40))
        second = next(each for each in movements(home) if each.id == "grant/second")
    rule = TopUp(exact("20.00"), exact("50.00"))

    def asked(found: list, at: int):  # type: ignore[no-untyped-def, type-arg]
        return top_up_request(
            rule, found, customer=ACME, currency=usd, invoice=InvoiceId(f"in_{at}"), at=Instant(at)
        )

    def spent(at: int, minor: int):  # type: ignore[no-untyped-def]
        amount = replace(second.amount, minor=-minor)
        return replace(second, id=f"used/{at}", account="wallet/first", kind="used", amount=amount,
                       effective_at=Instant(at))  # fmt: skip

    assert asked(grants, 5) is None
    grants.append(spent(10, 1000))
    request = asked(grants, 10)
    assert request is not None and request.amount.minor == 0 and '"amount_minor":5000' in request.details
    grants.append(request)
    assert asked(grants, 20) is None
    grants.append(second)
    assert asked(grants, 45) is None
    grants += [spent(50, 1500), replace(spent(51, 1500), account="wallet/second")]
    again = asked(grants, 51)
    assert again is not None and again.id != request.id
