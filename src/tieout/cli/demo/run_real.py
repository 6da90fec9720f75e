"""The demo on real public usage, read where it lies: an LLM trace, a web server's access log, taxi payments.

Nothing is copied. Where a data set names no customer, its catalog file says how one was assigned.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from tieout.cli.demo.acts import Show, close_months, ingest_twice, show_invoice_page, trace_and_reproduce
from tieout.cli.demo.stage import copy_catalog, packaged_policy, sign_policy
from tieout.cli.demo.tally import expect, tally
from tieout.cli.refusals import NoRealData
from tieout.cli.screen import grouped
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import apply_catalog
from tieout.invoice.stored_document import read_document
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant

STAGE_AT = parse_instant("2015-04-15T09:00:00Z")


@dataclass(frozen=True, slots=True)
class RealData:
    """One data set: its file, who is shown an invoice, and the facts that must come out."""

    file: str
    title: str
    catalog: str
    source: str
    received_at: Instant
    closes_at: Instant
    rows: int
    shown: CustomerId
    shown_at: Instant
    quantities: tuple[tuple[str, str], ...]
    """(meter, quantity) of the invoice that is shown, counted from the file by other means."""


APACHE = RealData(
    file="apache_access_2015-05.log.gz",
    title="Apache access log: requests and data served, each client a customer",
    catalog="apache.toml",
    source="apache-access-2015",
    received_at=parse_instant("2015-06-01T00:05:00Z"),
    closes_at=parse_instant("2015-06-02T12:00:00Z"),
    rows=10_000,
    shown=CustomerId("client-216852a9c1"),
    shown_at=parse_instant("2015-05-18T00:00:00Z"),
    quantities=(("web-requests", "482"), ("web-bytes", "75500527")),
)
TAXI = RealData(
    file="nyc_taxi_2019-03.csv.gz",
    title="New York taxi trips: card payments, each vendor a customer, New York time",
    catalog="taxi.toml",
    source="nyc-taxi-2019-03",
    received_at=parse_instant("2019-05-01T12:00:00Z"),
    closes_at=parse_instant("2019-05-03T12:00:00Z"),
    rows=10_000,
    shown=CustomerId("taxi-vendor-2"),
    shown_at=parse_instant("2019-03-15T12:00:00Z"),
    quantities=(("card-payments", "4493"), ("card-volume", "92587.04")),
)
AZURE = RealData(
    file="azure_llm_code_2023.csv.gz",
    title="Azure LLM trace: tokens per million, graduated, one customer",
    catalog="azure.toml",
    source="azure-llm-code-2023",
    received_at=parse_instant("2023-12-01T00:05:00Z"),
    closes_at=parse_instant("2023-12-02T12:00:00Z"),
    rows=8_819,
    shown=CustomerId("azure-code"),
    shown_at=parse_instant("2023-11-16T18:00:00Z"),
    quantities=(("context-tokens", "18059974"), ("generated-tokens", "245896")),
)
DATA_SETS = (APACHE, TAXI, AZURE)
"""In the order of their own time, which the demo's clock follows."""


def present(data: Path) -> tuple[RealData, ...]:
    """The data sets whose file is in the folder. Raises `NoRealData` when there is none."""
    found = tuple(data_set for data_set in DATA_SETS if (data / data_set.file).is_file())
    if not found:
        raise NoRealData(data, tuple(data_set.file for data_set in DATA_SETS))
    return found


def play_real(show: Show, data: Path) -> None:
    """Catalog and policy; each data set in, its months closed, one invoice shown; at last one line traced."""
    data_sets = present(data)
    show.narrator.chapter("What was promised: the catalog, and a policy that three people signed")
    folder = copy_catalog(
        show.stage.folder, "real/seller.toml", *(f"real/{data_set.catalog}" for data_set in data_sets)
    )
    if APACHE in data_sets:
        (folder / "apache-clients.toml").write_text(
            clients_toml(clients_of(data / APACHE.file)), encoding="utf-8"
        )
    applied = apply_catalog(show.stage.home, folder)
    show.narrator.tell(f"{len(applied.added)} documents applied from {folder}.")
    show.narrator.tell(sign_policy(show.stage, packaged_policy("real.toml")))
    shown: StoredInvoice | None = None
    for data_set in data_sets:
        show.narrator.chapter(data_set.title)
        shown = play_data_set(show, data, data_set)
    assert shown is not None, "at least one data set is there"
    show.narrator.chapter("One line, back to its events and forward to the same amount")
    trace_and_reproduce(show, shown)


def play_data_set(show: Show, data: Path, data_set: RealData) -> StoredInvoice:
    """Every row is accepted once; the invoice that is shown bills what a count of the file says."""
    show.stage.clock.set_to(data_set.received_at)
    first = tally(ingest_twice(show, [data / data_set.file], source=data_set.source))
    expect(f"accepted rows of {data_set.file}", expected=data_set.rows, found=first.accepted)
    show.stage.clock.set_to(data_set.closes_at)
    close_months(show, data_set.closes_at)
    stored = show_invoice_page(show, data_set.shown, data_set.shown_at)
    billed = {line.meter: line.quantity for line in read_document(data_set.shown, stored.document).lines}
    for meter, quantity in data_set.quantities:
        expect(f"billed {meter}", expected=quantity, found=billed.get(meter))
        show.narrator.tell(f"Billed {meter}: {grouped(quantity)}, exactly what the file holds.")
    return stored


def clients_of(log: Path) -> list[str]:
    """The first word of each line, each once, sorted: 1,753 pseudonyms in the file we know."""
    opener = gzip.open if log.suffix == ".gz" else open
    with opener(log, "rt", encoding="utf-8", errors="replace") as lines:
        return sorted({line.split(" ", 1)[0] for line in lines if line.strip()})


def clients_toml(clients: list[str]) -> str:
    """One customer per client, subscribed for May 2015."""
    head = "# Written by the demo: the access log names clients, not customers; each becomes one.\n"
    return "\n".join([head, *(_client_toml(client) for client in clients)])


def _client_toml(client: str) -> str:
    return f"""[[customer]]
key = "{client}"
version = 1
effective_from = 2015-05-01T00:00:00Z
name = "Web client {client.removeprefix("client-")}"
zone = "UTC"
currency = "USD"
seller = "worked-example"
address = ["known by pseudonym only"]
terms_days = 14

[[subscription]]
key = "{client}"
version = 1
effective_from = 2015-05-01T00:00:00Z
customer = "{client}"

[[subscription.phase]]
plan = "web-usd"
from = 2015-05-01T00:00:00Z
until = 2015-06-01T00:00:00Z

[[subject]]
subject = "{client}"
customer = "{client}"
from = 2015-05-01T00:00:00Z
"""
