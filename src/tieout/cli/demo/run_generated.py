"""The demo on generated traffic: three months of an invented LLM gateway, one month after the other."""

from __future__ import annotations

from tieout.cli.demo.acts import (
    Show,
    close_months,
    ingest_twice,
    show_invoice_page,
    show_late,
    trace_and_reproduce,
)
from tieout.cli.demo.corrections import correct_late, show_corrected, show_ledger
from tieout.cli.demo.customers import PLAN_CHANGER, customers_toml
from tieout.cli.demo.launch import show_readiness
from tieout.cli.demo.stage import copy_catalog, packaged_policy, sign_policy
from tieout.cli.demo.tally import expect, tally
from tieout.cli.demo.traffic import Kind, TrafficFile, write_traffic
from tieout.cli.screen import grouped
from tieout.cli.timed_ingest import Timed
from tieout.flows.apply_catalog import apply_catalog
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant

STAGE_AT = parse_instant("2025-12-15T09:00:00Z")

CATALOG = (
    *("seller.toml", "events.toml", "meters.toml", "plans.toml"),
    *("prices-usd.toml", "prices-eur.toml", "prices-jpy.toml"),
)

MONTHS: tuple[tuple[str, Instant, tuple[int, ...]], ...] = (
    ("January", parse_instant("2026-02-03T12:00:00Z"), (0, 1)),
    ("February", parse_instant("2026-03-03T12:00:00Z"), (2, 3)),
    ("March", parse_instant("2026-04-03T12:00:00Z"), (4, 5)),
)
"""Name, when its close runs, and which traffic files have arrived by then."""

CORRECTED_WITH = "March"
"""The month whose invoices also bill what came late for the months before."""

YEN_CUSTOMER = "willow"


def prepare_generated(show: Show, *, events_count: int, seed: int) -> tuple[TrafficFile, ...]:
    """Catalog, policy and traffic files; nothing is ingested yet."""
    stage, narrator = show.stage, show.narrator
    narrator.chapter("What was promised: the catalog, and a policy that three people signed")
    folder = copy_catalog(stage.folder, *(f"gateway/{name}" for name in CATALOG))
    (folder / "customers.toml").write_text(customers_toml(), encoding="utf-8")
    applied = apply_catalog(stage.home, folder)
    narrator.tell(f"{len(applied.added)} documents applied from {folder}.")
    narrator.tell(sign_policy(stage, packaged_policy("gateway.toml")))
    narrator.tell(
        f"Traffic is GENERATED (seed {seed}): {grouped(str(events_count))} events of 25 invented customers, "
        "with retries, a lost reply, late events, reused ids and broken lines."
    )
    return write_traffic(stage.folder / "traffic", events_count=events_count, seed=seed)


def play_generated(show: Show, files: tuple[TrafficFile, ...]) -> None:
    """Three months: files in (twice), month closed; then two invoices, a trace, and what came too late."""
    for name, closes_at, numbers in MONTHS:
        show.narrator.chapter(f"{name}: usage in, then the month is closed")
        first: list[Timed] = []
        for number in numbers:
            show.stage.clock.set_to(files[number].received_at)
            first += ingest_twice(show, [files[number].path])
        _as_generated(first, [files[number] for number in numbers])
        show.stage.clock.set_to(closes_at)
        if name == CORRECTED_WITH:
            show_late(show)
            correct_late(show)
        close_months(show, closes_at)
    show.narrator.chapter("Two invoices")
    february = show_invoice_page(show, CustomerId(PLAN_CHANGER), parse_instant("2026-02-10T00:00:00Z"))
    show_invoice_page(show, CustomerId(YEN_CUSTOMER), parse_instant("2026-03-10T00:00:00Z"))
    show.narrator.chapter("One line, back to its events and forward to the same amount")
    trace_and_reproduce(show, february)
    show.narrator.chapter("What came too late for a sealed month was billed beside it")
    show_corrected(show)
    show.narrator.chapter("The ledger: what the invoices mean for the accounts")
    show_ledger(show)
    show.narrator.chapter("Before it goes live: what the launch review says")
    show_readiness(show)


def _as_generated(first: list[Timed], files: list[TrafficFile]) -> None:
    found = tally(first)
    for kind in Kind:
        expected = sum(file.expected[kind] for file in files)
        expect(f"the count of {kind.value} items", expected=expected, found=getattr(found, kind.value))
