"""The catalog of a set as TOML: the same prices, customers and phases that the script bills by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.real_usage.instants import text
from tests.real_usage.money import Price
from tests.real_usage.world import Customer, Meter

SELLER = """[[seller]]
key = "worked-example"
version = 1
effective_from = {since}
name = "Worked Example Metering Co."
address = ["1 Example Street", "Springfield"]
number_series = "{series}"
"""


def head(kind: str, key: str, since: int) -> str:
    return f'[[{kind}]]\nkey = "{key}"\nversion = 1\neffective_from = {text(since)}\n'


def seller(since: int, series: str) -> str:
    return SELLER.format(since=text(since), series=series)


def prices(found: Iterable[Price], since: int) -> str:
    return "\n".join(_price(each, since) for each in found)


def _price(price: Price, since: int) -> str:
    said = head("price", price.key, since)
    said += f'meter = "{price.meter}"\n' if price.meter else ""
    said += f'currency = "USD"\ndescription = "{price.description}"\nshape = "{price.shape}"\n'
    first = price.tiers[0]
    if price.shape == "flat":
        return said + f'amount = "{first.each}"\n'
    if price.shape == "package":
        return said + f'amount = "{first.each}"\nsize = "{price.per}"\nlast = "up"\n'
    rows = [
        "  { "
        + (f'up_to = "{tier.up_to}", ' if tier.up_to is not None else "")
        + f'unit_amount = "{tier.each}" }},'
        for tier in price.tiers
    ]
    return said + f'per = "{price.per}"\ntiers = [\n' + "\n".join(rows) + "\n]\n"


def meters(found: Iterable[Meter], event_type: str, since: int) -> str:
    return "\n".join(_meter(each, event_type, since) for each in found)


def _meter(meter: Meter, event_type: str, since: int) -> str:
    said = head("meter", meter.key, since)
    said += f'definition = "{meter.key}, as the raw file says"\nowner = "product"\nevent = "{event_type}"\n'
    said += f'unit = "{meter.unit}"\n'
    if meter.field is None:
        said += 'aggregation = "count"\n'
    else:
        said += f'aggregation = "sum"\nfield = "{meter.field}"\n'
    if meter.where is not None:
        said += f'filter = {{ {meter.where[0]} = ["{meter.where[1]}"] }}\n'
    return said


def plans(found: Iterable[Customer], since: int) -> str:
    """Each plan that a phase names, once."""
    known: dict[str, tuple[str, ...]] = {}
    for customer in found:
        for phase in customer.phases:
            assert known.setdefault(phase.plan, phase.prices) == phase.prices, phase.plan
    said = []
    for plan, held in known.items():
        listed = ", ".join(f'"{key}"' for key in held)
        named = f'name = "{plan}"\ncurrency = "USD"\ncadence = "monthly"\nprices = [{listed}]\n'
        said.append(head("plan", plan, since) + named)
    return "\n".join(said)


def customers(found: Iterable[Customer], subjects: Mapping[str, str], since: int) -> str:
    whose: dict[str, list[str]] = {}
    for subject, customer in subjects.items():
        whose.setdefault(customer, []).append(subject)
    return "\n".join(_customer(each, whose.get(each.key, []), since) for each in found)


def _customer(customer: Customer, subjects: list[str], since: int) -> str:
    said = head("customer", customer.key, since)
    said += f'name = "{customer.key}"\nzone = "{customer.zone}"\ncurrency = "USD"\n'
    said += 'seller = "worked-example"\naddress = ["invented"]\nterms_days = 30\n\n'
    said += head("subscription", customer.key, since) + f'customer = "{customer.key}"\n\n'
    for phase in customer.phases:
        said += f'[[subscription.phase]]\nplan = "{phase.plan}"\nfrom = {text(phase.start)}\n'
        said += "" if phase.end is None else f"until = {text(phase.end)}\n"
        said += "\n"
    for subject in subjects:
        said += f'[[subject]]\nsubject = "{subject}"\ncustomer = "{customer.key}"\nfrom = {text(since)}\n\n'
    return said


def policy(since: int, interim: Mapping[str, str]) -> str:
    """Monthly, a day of grace; `interim`: customers that are billed inside the month over so many dollars."""
    said = head("policy", "close", since)
    said += 'cadence = "monthly"\ngrace_hours = 24\nproposer = "Noor Haddad"\n'
    if interim:
        (amount,) = set(interim.values())
        listed = ", ".join(f'"{key}"' for key in interim)
        said += f'\n[policy.off_cycle]\ncustomers = [{listed}]\nexposure_over = {{ USD = "{amount}" }}\n'
    return said


def alert(key: str, meter: str, plan: str, at: str, since: int) -> str:
    said = head("alert", key, since)
    return said + f'name = "{key}"\nplans = ["{plan}"]\nwatch = "usage"\nmeter = "{meter}"\nat = ["{at}"]\n'
