"""The page of a pack for a person: what is billed, how to check it by hand, what a pack proves and what not.

Plain HTML without script or anything from elsewhere; every text of the invoice is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

Document = dict[str, Any]  # a sealed document, as its JSON reads

STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "code,pre{background:#f4f4f4;padding:.1rem .3rem}pre{padding:.6rem;overflow:auto}"
)
TEST_CLOCK: Final = (
    "<p><strong>TEST CLOCK: this comes from a scratch home, whose time a person stepped. It is no real "
    "bill.</strong></p>"
)
PROVES: Final = (
    "The files of this pack are the ones that the installation with the given public key signed.",
    "The invoice is, byte for byte, the document that was sealed.",
    "Each quantity follows from the events listed here, and each event's content gives the digest that "
    "is listed.",
    "Each event is, by its place and 128 bits of its digest, a leaf of a tree over a piece of the log "
    "(log/roots.json), and that piece is a leaf under the root that a signed head of the log states "
    "(log/heads.json). Events of others are there as hashes only.",
    "The heads of the log name one another: none can be left out or altered without altering all that "
    "follow. So whoever kept the last of the heads named in log/roots.json, or one that follows it in "
    "log/heads.json, knows that these events were in the log when it was stated.",
    "Each amount follows from its working, the lines from the amounts, the totals from the lines.",
    "The policy under which it was sealed carries the signatures of the keys that are listed.",
)
DOES_NOT_PROVE: Final = (
    "That a source sent everything it should have sent: nobody can tell that from what arrived.",
    "That the log was not written anew before those heads were stated: compare them with one that you or "
    "somebody else kept from an earlier day. What was stated after it is the installation's word of that "
    "later day.",
    "That each head is over one log: one could be stated over two versions of the same batches, of which a "
    "pack shows one. Whoever may read the log counts them (tieout verify), and two packs that show different "
    "events at one place of the log prove it.",
    "That the digest of the chain which each head states too is of the same events as its root: whoever may "
    "read the log computes both (tieout verify).",
    "That nobody made two events beforehand whose digests share 128 bits, which takes about 2^64 tries; to "
    "find another event for a given one takes 2^128.",
    "That the price was the right one to agree on; the pack holds the price as it was stored, with its "
    "digest.",
    "Which tier or package a unit fell into beyond what the working of the line states.",
    "Which subjects (keys, devices) were the customer's, and since when: the pack counts events of the ones "
    "that it names.",
    "What other papers billed and what balances were before; and of payments, refunds and what people said, "
    "more than that they are stated here.",
    "Who owns the keys of people: compare their numbers with what these people tell you.",
    "Of lines that rest on no events (fees, credits, commitments, lines that a person added): more than "
    "that their "
    "working adds up and that the invoice says so.",
)


def page(
    document: Document, lines: Sequence[str], usages: Sequence[str], *, is_test_clock: bool = False
) -> bytes:
    """`lines`: those that the pack is of; `usages`: the folders with events. `is_test_clock`: of a scratch
    home."""
    shown = [line for line in document["lines"] if line["id"] in set(lines)]
    title = f"Evidence for invoice {document['number']}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>',
        f"<style>{STYLE}</style></head><body><h1>{_text(title)}</h1>",
        f"<p>{_text(document['seller']['name'])} to {_text(document['customer']['name'])}, period "
        f"{_text(document['period']['start'])} until {_text(document['period']['end'])}. "
        f"Total {_text(document['total'])} {_text(document['currency'])}.</p>",
        TEST_CLOCK if is_test_clock else "",
        "<p>This pack holds what is needed to follow the lines below back to their events, and forward "
        "again to the "
        "same amounts, without the system that made them.</p>",
        *(_line(line, document["currency"]) for line in shown),
        _how_to(usages),
        "<h2>What this pack proves</h2>",
        _list(PROVES),
        "<h2>What it does not prove</h2>",
        _list(DOES_NOT_PROVE),
        "</body></html>\n",
    ]
    return "".join(parts).encode()


def _line(line: Document, code: str) -> str:
    head = f"{line['description']}: {line['quantity']} {line['unit']}, {line['amount']} {code}"
    rows = "".join(
        f"<tr><td>{_text(step['text'])}</td><td class=n>{_text(step['amount'])}</td></tr>"
        for step in line["steps"]
    )
    snapshot = line["snapshot"]
    counted = (
        "<p>This line rests on no events of its own.</p>"
        if snapshot is None
        else f"<p>Counted by meter {_text(snapshot['meter'])} version {_text(snapshot['meter_version'])}: "
        f"{_text(snapshot['quantity'])} in {_text(snapshot['event_count'])} events.</p>"
    )
    settled = f"<p>{_text(line['settlement'])}.</p>" if line.get("settlement") else ""
    return (
        f"<h2>{_text(head)}</h2><p>Line <code>{_text(line['id'])}</code>, price {_text(line['price'])} "
        f"version "
        f"{_text(line['price_version'])}, plan {_text(line['plan'])} version "
        f"{_text(line['plan_version'])}.</p>"
        f"<table><tr><th>working</th><th>amount ({_text(code)})</th></tr>{rows}</table>{settled}{counted}"
    )


def _how_to(usages: Sequence[str]) -> str:
    commands = "\n".join(
        [
            "unzip pack.zip -d pack",
            "cd pack",
            "minisign -V -p ../key.pub -m manifest.json",
            "sha256sum --check --strict SHA256SUMS",
            "sh check.sh ../key.pub",
            *(
                f"cd {_text(each)}\nduckdb &lt; quantity.sql\nduckdb &lt; proof.sql\n"
                "cd ../../log\nduckdb &lt; proof.sql"
                for each in usages[:1]
            ),
        ]
    )
    return (
        "<h2>How to check it by hand</h2><p>With stock tools only (unzip, minisign, sha256sum, duckdb), and "
        "the installation's public key, which you should have from elsewhere than this pack; this pack as "
        "<code>pack.zip</code> beside it as <code>key.pub</code>:</p>"
        f"<pre>{commands}</pre>"
        "<p><code>minisign</code> proves who signed the manifest; <code>check.sh</code> compares every file "
        "with it, counts the events of each line again, and derives the roots above them. The rest does so "
        "for one meter. Or, all at once and with more checks: <code>tieout evidence verify pack.zip --key "
        "key.pub</code>, a program that shares no code with the one that made the pack; with <code>--head "
        "FILE</code> it holds the pack to a head of the log that you kept.</p>"
    )


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(each)}</li>' for each in texts)}</ul>"


def _text(value: object) -> str:
    return escape(str(value))
