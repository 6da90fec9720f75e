"""Balances are sums of movements: nothing below zero, nothing above the total, in a stated order, in any
order of recording. Each rule is held against a second computation that shares nothing with it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tieout.balance.burn import Payable, burn, burn_order, usable_minor, used
from tieout.balance.grant import Grant, GrantKind, due_expiries, granted, held_grants, voided
from tieout.balance.movement import Movement, balances, in_order
from tieout.kernel.ids import CustomerId, InvoiceId, PlanKey, PriceKey
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency

USD, EUR = currency("USD"), currency("EUR")
ACME = CustomerId("acme")
PRICES = ("fee", "calls", "storage")

instants = st.integers(0, 12).map(Instant)


@st.composite
def grants(draw: st.DrawFn, *, ordinal: int) -> Grant:
    effective_at = draw(instants)
    expires_at = draw(st.none() | st.integers(effective_at + 1, 14).map(Instant))
    return Grant(
        id=f"g{ordinal}",
        customer=ACME,
        amount=Money(draw(st.integers(1, 12)), draw(st.sampled_from([USD, USD, USD, EUR]))),
        kind=draw(st.sampled_from(GrantKind)),
        priority=draw(st.integers(0, 2)),
        effective_at=effective_at,
        expires_at=expires_at,
        prices=tuple(PriceKey(key) for key in draw(st.sets(st.sampled_from(PRICES), max_size=2))),
    )


@st.composite
def wallets(draw: st.DrawFn) -> list[Grant]:
    return [draw(grants(ordinal=ordinal)) for ordinal in range(draw(st.integers(0, 5)))]


lines = st.lists(
    st.builds(
        Payable,
        price=st.sampled_from(PRICES).map(PriceKey),
        plan=st.just(PlanKey("basic")),
        minor=st.integers(0, 9),
    ),
    min_size=1,
    max_size=4,
)
invoices = st.lists(st.tuples(instants, lines), max_size=4).map(
    lambda found: sorted(found, key=lambda invoice: invoice[0])
)


def movements_of(wallet: list[Grant]) -> list[Movement]:
    return [granted(grant, person="Fay", reason="agreed") for grant in wallet]


def play(wallet: list[Grant], told: list[tuple[Instant, list[Payable]]]) -> list[Movement]:
    """Closes that pay invoices one after the other, and record what has expired by then."""
    movements = movements_of(wallet)
    for place, (at, payables) in enumerate(told):
        movements += due_expiries(movements, at=at)
        total = Money(sum(line.minor for line in payables), USD)
        burned = burn(held_grants(movements), payables, total, at=at)
        movements += used(burned, InvoiceId(f"in_{place}"), at=at)
    return movements


def unit_by_unit(
    wallet: list[Grant], left: dict[str, int], payables: list[Payable], at: Instant
) -> dict[str, int]:
    """The naive way: each cent of the total in turn asks the grants in the order that the rule states in
    words."""
    paid = {grant.id: 0 for grant in wallet}
    open_lines = [line.minor for line in payables]
    for _ in range(sum(open_lines)):
        for grant in sorted(
            wallet,
            key=lambda grant: (
                grant.priority,
                99 if grant.expires_at is None else grant.expires_at,
                grant.kind is GrantKind.PAID,
                grant.effective_at,
                grant.id,
            ),
        ):
            if (
                grant.amount.currency is not USD
                or left[grant.id] == paid[grant.id]
                or at < grant.effective_at
            ):
                continue
            if grant.expires_at is not None and at >= grant.expires_at:
                continue
            if not grant.prices:
                paid[grant.id] += 1
                break
            fitting = [
                place
                for place, line in enumerate(payables)
                if line.price in grant.prices and open_lines[place] > 0
            ]
            if fitting:
                open_lines[fitting[0]] -= 1
                paid[grant.id] += 1
                break
    return {grant: minor for grant, minor in paid.items() if minor}


@given(wallets(), invoices)
def test_no_grant_falls_below_zero_at_any_instant(
    wallet: list[Grant], told: list[tuple[Instant, list[Payable]]]
) -> None:
    movements = play(wallet, told)
    for at in range(16):
        assert all(minor >= 0 for minor in balances(movements, at=Instant(at)).values())


@given(wallets(), lines, instants)
def test_what_burns_is_what_the_naive_way_burns_cent_by_cent(
    wallet: list[Grant], payables: list[Payable], at: Instant
) -> None:
    held = held_grants(movements_of(wallet))
    total = Money(sum(line.minor for line in payables), USD)
    found = {each.grant.id: each.amount.minor for each in burn(held, payables, total, at=at)}
    left = {each.grant.id: each.left for each in held}
    assert found == unit_by_unit(wallet, left, payables, at)


@given(wallets(), lines, instants)
def test_unrestricted_credit_burns_the_lesser_of_total_and_usable_balance(
    wallet: list[Grant], payables: list[Payable], at: Instant
) -> None:
    wallet = [replace(grant, prices=()) for grant in wallet]
    movements = movements_of(wallet)
    total = Money(sum(line.minor for line in payables), USD)
    burned = burn(held_grants(movements), payables, total, at=at)
    usable = usable_minor(movements, currency="USD", at=at)
    assert sum(each.amount.minor for each in burned) == min(total.minor, usable)
    assert all(each.amount.minor > 0 and each.amount.currency is USD for each in burned)


@given(wallets(), lines, instants)
def test_a_grant_is_touched_only_when_all_before_it_are_empty(
    wallet: list[Grant], payables: list[Payable], at: Instant
) -> None:
    wallet = [replace(grant, prices=()) for grant in wallet]
    total = Money(sum(line.minor for line in payables), USD)
    burned = burn(held_grants(movements_of(wallet)), payables, total, at=at)
    for before, after in pairwise(burned):
        assert burn_order(before.grant) < burn_order(after.grant)
        assert before.amount == before.grant.amount


def test_the_order_is_priority_expiry_promotional_age_id() -> None:
    """Two of each, in the order in which a person would sort them by hand."""
    ordered = [
        Grant(f"{place}", ACME, Money(1, USD), kind, priority, Instant(effective_at), expires_at)
        for place, (priority, expires_at, kind, effective_at) in enumerate(
            (priority, expires_at, kind, effective_at)
            for priority in (0, 1)
            for expires_at in (Instant(5), Instant(6), None)
            for kind in (GrantKind.PROMOTIONAL, GrantKind.PAID)
            for effective_at in (0, 1)
        )
    ]
    ordered += [replace(ordered[-1], id="98"), replace(ordered[-1], id="99")]
    assert sorted((*ordered[9:], *ordered[:9]), key=burn_order) == ordered
    held = held_grants(movements_of(list(reversed(ordered))))
    lines_ = [Payable(PriceKey("calls"), PlanKey("basic"), 100)]
    burned = burn(held, lines_, Money(7, USD), at=Instant(3))
    assert [each.grant for each in burned] == ordered[:7]


def test_two_grants_for_one_price_do_not_pay_its_lines_twice() -> None:
    fees = [
        Grant(each, ACME, Money(10, USD), GrantKind.PAID, 1, Instant(0), None, (PriceKey("fee"),))
        for each in ("a", "b")
    ]
    payables = [Payable(PriceKey(key), PlanKey("basic"), minor) for key, minor in (("fee", 5), ("calls", 9))]
    burned = burn(held_grants(movements_of(fees)), payables, Money(14, USD), at=Instant(1))
    assert [(each.grant.id, each.amount.minor) for each in burned] == [("a", 5)]


@given(wallets(), lines, instants, st.integers(-5, 0))
def test_a_total_of_nothing_or_less_burns_nothing(
    wallet: list[Grant], payables: list[Payable], at: Instant, minor: int
) -> None:
    assert burn(held_grants(movements_of(wallet)), payables, Money(minor, USD), at=at) == []


@given(wallets(), invoices, st.randoms(use_true_random=False))
def test_the_order_of_recording_decides_nothing(
    wallet: list[Grant], told: list[tuple[Instant, list[Payable]]], chance: Random
) -> None:
    movements = play(wallet, told)
    shuffled = list(movements)
    chance.shuffle(shuffled)
    assert in_order(shuffled) == in_order(movements)
    assert held_grants(shuffled) == held_grants(movements)
    backward = play(list(reversed(wallet)), told)
    assert {each.id: each.amount for each in backward} == {each.id: each.amount for each in movements}


@given(wallets(), invoices)
def test_recording_an_expiry_moves_no_balance_at_any_instant(
    wallet: list[Grant], told: list[tuple[Instant, list[Payable]]]
) -> None:
    movements = play(wallet, told)

    def seen(recorded: list[Movement], at: Instant) -> dict[str, int]:
        then = [each for each in recorded if each.effective_at <= at]
        return balances([*then, *due_expiries(then, at=at)])

    for now in range(16):
        recorded = [*movements, *due_expiries(movements, at=Instant(now))]
        for at in range(16):
            assert seen(recorded, Instant(at)) == seen(movements, Instant(at))
        assert due_expiries(recorded, at=Instant(now)) == []
        ends = {held.grant.account: held.grant.expires_at for held in held_grants(movements)}
        assert all(ends[each.account] == each.effective_at for each in recorded[len(movements) :])


@given(wallets(), invoices)
def test_each_movement_has_an_id_of_its_own_and_the_sums_are_what_is_left(
    wallet: list[Grant], told: list[tuple[Instant, list[Payable]]]
) -> None:
    movements = play(wallet, told)
    assert len({each.id for each in movements}) == len(movements)
    for held in held_grants(movements):
        ours = [each.amount.minor for each in movements if each.account == held.grant.account]
        assert held.left == sum(ours) == balances(movements)[held.grant.account]


@given(wallets(), instants)
def test_a_void_takes_what_is_left_and_nothing_more(wallet: list[Grant], at: Instant) -> None:
    movements = movements_of(wallet)
    taken = [voided(held, at=at, person="Fay", reason="wrong") for held in held_grants(movements)]
    assert all(held.left == 0 for held in held_grants([*movements, *taken]))
    for instant in range(16):
        assert all(minor >= 0 for minor in balances([*movements, *taken], at=Instant(instant)).values())
