"""`tieout customer list|show`: who is billed, as the catalog says now."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.refusals import Unnamed
from tieout.cli.screen import print_json, say, table

app = typer.Typer(help="Customers and their billing profiles.", no_args_is_help=True)


@app.command("list")
def list_(home: HomeOption, as_json: JsonOption = False) -> None:
    """Every customer with zone, currency and terms."""
    from tieout.flows.apply_catalog import load_catalog

    with opened(home) as where:
        customers = load_catalog(where).customers
        latest = [record for key in customers.keys if (record := customers.latest(key)) is not None]
    if as_json:
        print_json(
            [
                {"key": found.key, "version": found.version, "name": found.name, "zone": found.zone,
                 "currency": found.currency, "seller": found.seller, "terms_days": found.terms_days}
                for found in latest
            ]
        )  # fmt: skip
        return
    columns = ("key", "name", "zone", "currency", "seller", "terms (days)>")
    rows = (
        [found.key, found.name, found.zone, found.currency, found.seller, str(found.terms_days)]
        for found in latest
    )
    say(table(columns, rows))


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """One customer: billing profile in every version, subscriptions, subjects."""
    from tieout.flows.apply_catalog import load_catalog
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        catalog = load_catalog(where)
    versions = catalog.customers.versions(key)
    if not versions:
        raise Unnamed("customer", key)
    found = versions[-1]
    subscriptions = sorted(subscription.key for subscription in catalog.subscriptions_of(found.key))
    subjects = sorted(span.subject for span in catalog.subjects.of_customer(found.key))
    profile: dict[str, str | int | None] = {
        "key": found.key,
        "version": found.version,
        "effective_from": format_instant(found.effective_from),
        "name": found.name,
        "zone": found.zone,
        "currency": found.currency,
        "seller": found.seller,
        "tax_id": found.tax_id,
        "purchase_order": found.purchase_order,
        "email": found.email,
        "terms_days": found.terms_days,
        "digest": found.digest,
    }
    if as_json:
        print_json(
            {**profile, "address": list(found.address), "versions": [version.version for version in versions],
             "subscriptions": subscriptions, "subjects": subjects}
        )  # fmt: skip
        return
    rows = [[name.replace("_", " "), str(value)] for name, value in profile.items() if value is not None]
    rows.insert(4, ["address", ", ".join(found.address)])
    rows += [["subscriptions", ", ".join(subscriptions)], ["subjects", ", ".join(subjects)]]
    say(table(("customer", found.key), rows[1:]))
