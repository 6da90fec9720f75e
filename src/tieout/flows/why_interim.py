"""Which interim invoice billed an event whose period is open: the first whose line measured it."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.contract.meter import Meter
from tieout.evidence.lineage import parse_lineage
from tieout.evidence.stored import StoredEvidence
from tieout.evidence.witness import Witness, meter_event
from tieout.flows.home import Home
from tieout.kernel.ids import CustomerId, LineId, SubscriptionId
from tieout.rate.charge import parse_group


@dataclass(frozen=True, slots=True)
class OnInterim:
    """The number of the interim invoice and those of its lines that count the event."""

    number: str
    lines: tuple[LineId, ...]


def on_interim(
    home: Home, customer: CustomerId, subscription: SubscriptionId, meter: Meter, witness: Witness
) -> OnInterim | None:
    """None where no interim that stands had seen it: it is on none yet."""
    for interim in home.books.interims.of([customer]).get(customer, ()):
        if not interim.stands or not interim.invoice.period.contains(witness.event.time):
            continue
        lines = tuple(
            line.settled.line
            for line in interim.lines
            if line.scope.subscription == subscription
            and (stored := home.books.invoices.evidence(line.settled.line)) is not None
            and _counts(stored, meter, witness)
        )
        if lines:
            return OnInterim(interim.invoice.number, lines)
    return None


def _counts(stored: StoredEvidence, meter: Meter, witness: Witness) -> bool:
    snapshot, event = stored.snapshot, witness.event
    if snapshot is None or (snapshot.meter, snapshot.meter_version) != (meter.key, meter.version):
        return False
    if witness.position.batch > snapshot.watermark:
        return False
    spans = parse_lineage(snapshot.event_type, snapshot.predicate).spans
    if not any(span.subject == event.subject and span.contains(event.time) for span in spans):
        return False
    group = parse_group(stored.charge.grouped_by)
    fields = meter_event(witness).fields if group else {}
    return all(fields.get(name) == value for name, value in group)
