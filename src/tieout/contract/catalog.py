"""Everything that was promised, by kind, key, version and instant. Built by `check` only, so it holds
together."""

from __future__ import annotations

from dataclasses import dataclass, field

from tieout.contract.alert import Alert
from tieout.contract.budget import Budget
from tieout.contract.charge_control import ChargeControl
from tieout.contract.coupon import Coupon
from tieout.contract.document import DocumentKind, Record
from tieout.contract.event_contract import ContractBook, EventContract
from tieout.contract.meter import Meter
from tieout.contract.notice_target import NoticeTarget
from tieout.contract.party import Customer, Seller
from tieout.contract.plan import Plan
from tieout.contract.policy import Policy
from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.contract.source import SourceMapping
from tieout.contract.subject import SubjectBook, SubjectMapping
from tieout.contract.subscription import Phase, Subscription
from tieout.contract.tax import Tax
from tieout.contract.versions import Versions
from tieout.kernel.instant import Instant

AnyVersions = (
    Versions[EventContract]
    | Versions[Meter]
    | Versions[Price]
    | Versions[Plan]
    | Versions[Coupon]
    | Versions[Tax]
    | Versions[Program]
    | Versions[Seller]
    | Versions[Customer]
    | Versions[Subscription]
    | Versions[SubjectMapping]
    | Versions[SourceMapping]
    | Versions[Policy]
    | Versions[Alert]
    | Versions[ChargeControl]
    | Versions[Budget]
    | Versions[NoticeTarget]
)


@dataclass(frozen=True, slots=True)
class Catalog:
    """`meters.at(key, instant)`, `prices.versions(key)` and so on; `contracts` and `subjects` have look-ups
    of their own."""

    contracts: ContractBook
    events: Versions[EventContract]
    meters: Versions[Meter]
    prices: Versions[Price]
    plans: Versions[Plan]
    coupons: Versions[Coupon]
    taxes: Versions[Tax]
    programs: Versions[Program]
    sellers: Versions[Seller]
    customers: Versions[Customer]
    subscriptions: Versions[Subscription]
    subjects: SubjectBook
    mappings: Versions[SubjectMapping]
    sources: Versions[SourceMapping]
    policies: Versions[Policy]
    alerts: Versions[Alert] = field(default_factory=lambda: Versions[Alert](()))
    charge_controls: Versions[ChargeControl] = field(default_factory=lambda: Versions[ChargeControl](()))
    budgets: Versions[Budget] = field(default_factory=lambda: Versions[Budget](()))
    notice_targets: Versions[NoticeTarget] = field(default_factory=lambda: Versions[NoticeTarget](()))
    _by_customer: dict[str, tuple[Subscription, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_customer: dict[str, list[Subscription]] = {}
        for key in self.subscriptions.keys:
            latest = self.subscriptions.versions(key)[-1]
            by_customer.setdefault(latest.customer, []).append(latest)
        found = {customer: tuple(subscriptions) for customer, subscriptions in by_customer.items()}
        object.__setattr__(self, "_by_customer", found)

    def plans_of(self, phase: Phase) -> tuple[Plan, ...]:
        """Every plan version that the phase can come to use: the one it pins, the one that stood at the
        instant whose prices it keeps, or those in force while it lasts."""
        if phase.plan_version is not None:
            plan = self.plans.version(phase.plan, phase.plan_version)
        elif phase.grandfathered is not None:
            plan = self.plans.at(phase.plan, phase.grandfathered.prices_as_of)
        else:
            return self.plans.during(phase.plan, phase.start, phase.end)
        return () if plan is None else (plan,)

    def program_with(self, price: str, instant: Instant) -> Program | None:
        """The program that has the price at that instant; a price belongs to one at most."""
        held = (self.programs.at(key, instant) for key in self.programs.keys)
        return next((program for program in held if program is not None and price in program.prices), None)

    def versions(self, kind: DocumentKind, key: str) -> tuple[Record, ...]:
        """All versions of one document's record in order; empty for an unknown key."""
        return self._of(kind).versions(key)

    def version(self, kind: DocumentKind, key: str, version: int) -> Record | None:
        """Exactly that version."""
        return self._of(kind).version(key, version)

    def at(self, kind: DocumentKind, key: str, instant: Instant) -> Record | None:
        """The version in force at that instant; None for an unknown key or before its first version."""
        return self._of(kind).at(key, instant)

    def subscriptions_of(self, customer: str) -> tuple[Subscription, ...]:
        """The latest version of each of the customer's subscriptions, by key."""
        return self._by_customer.get(customer, ())

    def _of(self, kind: DocumentKind) -> AnyVersions:
        groups: dict[DocumentKind, AnyVersions] = {
            DocumentKind.EVENT: self.events,
            DocumentKind.METER: self.meters,
            DocumentKind.PRICE: self.prices,
            DocumentKind.PLAN: self.plans,
            DocumentKind.COUPON: self.coupons,
            DocumentKind.TAX: self.taxes,
            DocumentKind.PROGRAM: self.programs,
            DocumentKind.SELLER: self.sellers,
            DocumentKind.CUSTOMER: self.customers,
            DocumentKind.SUBSCRIPTION: self.subscriptions,
            DocumentKind.SUBJECT: self.mappings,
            DocumentKind.SOURCE: self.sources,
            DocumentKind.POLICY: self.policies,
            DocumentKind.ALERT: self.alerts,
            DocumentKind.CHARGE_CONTROL: self.charge_controls,
            DocumentKind.BUDGET: self.budgets,
            DocumentKind.NOTICE_TARGET: self.notice_targets,
        }
        return groups[kind]
