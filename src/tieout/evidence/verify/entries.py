"""The ledger's entries of a paper, held to what the paper says and to the rules of posting: what an entry is
called says its kind, its time and its accounts; what lines come to is what was posted for them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from tieout.evidence.verify.days import UTC, days_of
from tieout.evidence.verify.pack import Members, Pack
from tieout.evidence.verify.report import Report
from tieout.evidence.verify.sealed import Paper, advance_of
from tieout.kernel.instant import Instant, parse_instant

LEDGER = "invoice/ledger.json"
OWN = ("accrual", "takes-back", "earned", "invoice", "credits")
"""Words that begin the names of entries which the seal of a paper posts."""
REASONS = {
    "accrual": {
        "used and not billed yet",
        "what a sealed period comes to otherwise: the difference",
        "what a sealed period comes to as corrected",
    },
    "takes-back": {"what stood for a sealed period that is corrected"},
    "earned": {"billed in advance, and over"},
    "invoice": {"invoice issued", "credit note issued"},
    "credits": {"credits pay for the invoice"},
}
KINDS = {
    **{"accrual": "accrual", "takes-back": "reversal", "earned": "earned", "credits": "credits-applied"},
    **{"payment": "payment", "applied": "credit-note", "refund": "refund", "reversal": "reversal"},
    **{"grant": "credit-sold", "void": "refund", "expiry": "credit-expired"},
}
DEBITED = {
    "payment": ({"clearing"}, {"receivable", "customer-balance"}),
    "applied": ({"customer-balance"}, {"receivable"}),
    "refund": ({"customer-balance"}, {"clearing"}),
    "grant": ({"clearing"}, {"paid-credits"}),
    "void": ({"paid-credits"}, {"clearing"}),
    "expiry": ({"paid-credits"}, {"breakage"}),
}
"""What entries that follow the seal debit and credit."""
ZONES_ARE_ELSEWHERE = "dates on the customer's calendar, but for a day: the rules of zones are not in a pack."
STOOD = re.compile(r"(?:accrual|earned)/(?:-?[0-9]+/)?in_[0-9a-f]+")
BY_LINE = ("revenue", "deferred-revenue")


def check_ledger(pack: Pack, document: Members, movements: Sequence[Members]) -> None:
    """Each entry is of the paper, balances, and says what its name stands for; together they say what the
    paper does."""
    report, said = pack.report, pack.json(LEDGER)
    entries: Sequence[Members] = said["entries"]
    paper = Paper(document, movements)
    if not said["kept"]:
        report.compare(LEDGER, [("entries of the seal", [], [e["id"] for e in entries if _word(e) in OWN])])
        report.not_derived.append(f"{LEDGER}: the invoice was sealed before there was a ledger.")
        return
    order = [(parse_instant(entry["effective_at"]), entry["id"]) for entry in entries]
    report.compare(LEDGER, [("order", sorted(set(order)), order)])
    voided = next((each for each in pack.json("invoice/transitions.json") if each["what"] == "voided"), None)
    named = {entry["id"]: entry for entry in entries}
    for entry in entries:
        _check_entry(pack, paper, entry)
        if _word(entry) == "reversal":
            _check_reversal(report, entry, named.get(str(entry["reverses"])), voided)
        elif _word(entry) not in OWN:
            _check_later(report, paper, entry)
    own = {word: [each for each in entries if _word(each) == word] for word in OWN}
    booked = {each["booked_at"] for several in own.values() for each in several}
    report.compare(LEDGER, [("the seal's entries, booked at", sorted(booked)[:1], sorted(booked))])
    _check_bill(report, paper, own["invoice"])
    _check_lines(report, paper, own["accrual"], own["takes-back"])
    _check_credits(report, paper, own["credits"], own["accrual"])
    _check_earned(report, paper, own["earned"])
    _check_owed(report, paper, entries, is_voided=voided is not None)
    if any(_word(entry) not in (*OWN, "reversal") for entry in entries):
        report.not_derived.append(
            f"{LEDGER}: when and by whom it was paid, refunded or set against a credit note; whether that "
            "is all until now."
        )
    if entries and document["period"]["zone"] != UTC:
        report.not_derived.append(f"{LEDGER}: {ZONES_ARE_ELSEWHERE}")
    report.checked.append(f"{len(entries):,} ledger entries balance, and come to what is due.")


def _word(entry: Members) -> str:
    return str(entry["id"]).partition("/")[0]


def _check_entry(pack: Pack, paper: Paper, entry: Members) -> None:
    """What holds of every entry."""
    report, document, name, word = pack.report, paper.document, entry["id"], _word(entry)
    kind = KINDS.get(word) if word != "invoice" else ("invoice" if paper.total >= 0 else "credit-note")
    sums = Counter[str]()
    for posting in entry["postings"]:
        sums[posting["currency"]] += posting["minor"]
    report.compare(
        LEDGER,
        [
            *((f"entry {name}: debits less credits in {code}", 0, off) for code, off in sums.items()),
            (f"entry {name}: invoice", document["id"], entry["invoice"]),
            (f"entry {name}: customer", document["customer"]["id"], entry["customer"]),
            (f"entry {name}: kind", kind, entry["kind"]),
            (f"entry {name}: currencies", [document["currency"]], sorted(sums)),
            (f"entry {name}: postings of nothing", 0, sum(not each["minor"] for each in entry["postings"])),
        ],
    )
    if word != "reversal":
        report.compare(LEDGER, [(f"entry {name}: reverses", None, entry["reverses"])])
    if word in OWN:
        _check_own(report, paper, entry)
    _check_days(pack, paper, entry)


def _check_own(report: Report, paper: Paper, entry: Members) -> None:
    """An entry of the seal: posted with it, by no person, when what it is of counts."""
    name, word = entry["id"], _word(entry)
    at = paper.issued
    if word not in ("invoice", "credits"):
        stated = re.fullmatch(rf"{word}/(-?[0-9]+)/.*", name) if word != "earned" else None
        at = min(paper.last if stated is None else Instant(int(stated[1])), paper.issued)
    when = parse_instant(entry["effective_at"])
    ours = {f"{word}/{paper.document['id']}"}
    if word in ("accrual", "takes-back"):
        others = {paper.counts_when(line) for line in paper.lines.values()} - {paper.last}
        ours |= {f"{word}/{each}/{paper.document['id']}" for each in others}
    if name not in ours:
        report.add(LEDGER, f"entry {name}: id", f"{word}/ of {paper.document['id']}", name)
    if entry["reason"] not in REASONS[word]:
        report.add(LEDGER, f"entry {name}: reason", " or ".join(sorted(REASONS[word])), entry["reason"])
    report.compare(
        LEDGER,
        [
            (f"entry {name}: effective", at, when),
            (f"entry {name}: person", None, entry["person"]),
        ],
    )
    if word != "takes-back":
        named = [each["reverses"] for each in entry["postings"] if each["reverses"] is not None]
        report.compare(LEDGER, [(f"entry {name}: postings that reverse", [], named)])


def _check_days(pack: Pack, paper: Paper, entry: Members) -> None:
    """Its date is one on the customer's calendar (of a void: in UTC), its month that of the date, or a later
    one that had begun when it was booked."""
    report, name, zone_name = pack.report, entry["id"], paper.document["period"]["zone"]
    at, booked = parse_instant(entry["effective_at"]), parse_instant(entry["booked_at"])
    days = days_of(at, zone_name) + (days_of(at, UTC) if _word(entry) == "reversal" else [])
    if entry["effective_on"] not in days:
        report.add(LEDGER, f"entry {name}: date", " or ".join(sorted(set(days))), entry["effective_on"])
    month, booked_in = entry["effective_on"][:7], entry["accounting_period"]
    months = {month, *(day[:7] for day in days_of(booked, zone_name))}
    if not month <= booked_in <= max(months) or len(booked_in) != len(month):
        report.add(LEDGER, f"entry {name}: month", f"{month}, or a later one that had begun", booked_in)
    elif booked_in != month:
        report.not_derived.append(
            f"{LEDGER}: entry {name} is booked in {booked_in}; that {month} was locked is not in this pack."
        )
    if booked < paper.issued:
        report.add(LEDGER, f"entry {name}: booked", "not before the paper's issue", entry["booked_at"])


def _posted(entry: Members) -> list[tuple[str, int, object]]:
    return sorted(((each["account"], each["minor"], each["line"]) for each in entry["postings"]), key=str)


def _compare_postings(
    report: Report, what: str, wanted: Iterable[tuple[str, Fraction, object]], entries: Sequence[Members]
) -> None:
    """Of the one entry, which is missing where nothing is to be posted."""
    expected = sorted(((account, int(minor), line) for account, minor, line in wanted if minor), key=str)
    found = sorted((each for entry in entries for each in _posted(entry)), key=str)
    report.compare(LEDGER, [(what, expected, found), (f"{what}: entries", int(bool(expected)), len(entries))])


def _check_bill(report: Report, paper: Paper, entries: Sequence[Members]) -> None:
    """What was unbilled becomes a receivable, or is owed to the customer, and taxes are added."""
    owed = "receivable" if paper.total >= 0 else "customer-balance"
    taxes = [("tax-payable", -paper.money(each["amount"]), None) for each in paper.document.get("taxes", [])]
    billed = ("unbilled-receivable", paper.taxes - paper.total, None)
    _compare_postings(report, "the bill", [(owed, paper.total, None), billed, *taxes], entries)
    for entry in entries:
        right = "invoice issued" if paper.total >= 0 else "credit note issued"
        report.compare(LEDGER, [(f"entry {entry['id']}: reason", right, entry["reason"])])


def _check_credits(
    report: Report, paper: Paper, entries: Sequence[Members], accruals: Sequence[Members]
) -> None:
    """Credits pay what the paper prints of them; promotional ones made the revenue smaller before."""
    used = sum((paper.money(each["amount"]) for each in paper.document.get("credits", [])), Fraction(0))
    given = sum(
        each["minor"]
        for entry in accruals
        for each in entry["postings"]
        if each["account"] == "promotional-credits"
    )
    wanted: list[tuple[str, Fraction, object]] = [
        ("paid-credits", used - given, None),
        ("unbilled-receivable", Fraction(given), None),
        ("receivable", -used, None),
    ]
    _compare_postings(report, "credits that pay", wanted, entries)


def _check_lines(report: Report, paper: Paper, accruals: Sequence[Members], backs: Sequence[Members]) -> None:
    """For each line was posted, beyond what it takes back, what it comes to after discounts; as revenue, or
    what is a fee in advance as deferred."""
    posted: dict[tuple[str, str], int] = Counter()
    for entry in accruals:
        _add(report, paper, entry, posted, {name: name for name in paper.lines})
    taken = {
        each["line"]: name
        for name, line in paper.lines.items()
        if "correction" in line
        for each in line.get("earlier", [])
    }
    for entry in backs:
        _add(report, paper, entry, posted, taken)
        for each in entry["postings"]:
            if each["line"] is not None and not STOOD.fullmatch(str(each["reverses"])):
                what = f"entry {entry['id']}: what is taken back for {each['line']}"
                report.add(LEDGER, what, "an accrual, or what was earned", each["reverses"])
            elif each["line"] is None and each["reverses"] is not None:
                report.add(LEDGER, f"entry {entry['id']}: reverses", None, each["reverses"])
    if backs:
        report.not_derived.append(f"{LEDGER}: what other papers posted that is taken back here.")
    whole = paper.total - paper.taxes
    report.compare(LEDGER, [("posted for lines", -whole, Fraction(sum(posted.values())))])
    if paper.is_tax_contained:
        report.not_derived.append(f"{LEDGER}: which part of each line is the tax that it contains.")
        return
    advance = advance_of(paper)
    for name, line in paper.lines.items():
        found = [-posted.get((name, account), 0) for account in BY_LINE]
        net = paper.net(line)
        if line["price"].startswith("commitment/") or paper.is_settled_in_parts(line):
            report.compare(LEDGER, [(f"line {name}: posted", net, Fraction(sum(found)))])
            report.not_derived.append(f"{LEDGER}: how much of what line {name} comes to is deferred.")
        else:
            deferred = advance.get(name, Fraction(0))
            wanted = [net - deferred, deferred]
            report.compare(LEDGER, [(f"line {name}: revenue, deferred revenue", wanted, found)])


def _add(
    report: Report,
    paper: Paper,
    entry: Members,
    posted: dict[tuple[str, str], int],
    lines: Mapping[str, str],
) -> None:
    """`lines`: those that the entry may post for, and for which line of the paper that counts."""
    for each in entry["postings"]:
        account, name = each["account"], each["line"]
        if name is None:
            own = {"unbilled-receivable", "promotional-credits"}
            if account not in own or (account == "promotional-credits" and _word(entry) != "accrual"):
                report.add(LEDGER, f"entry {entry['id']}: posting without a line", "unbilled", account)
        elif account not in BY_LINE or name not in lines:
            report.add(LEDGER, f"entry {entry['id']}: posting", "revenue of a line that it is of", each)
        else:
            line = paper.lines[lines[name]]
            at = min(paper.counts_when(line), paper.issued)
            when = parse_instant(entry["effective_at"])
            report.compare(LEDGER, [(f"entry {entry['id']}: when line {name} counts", at, when)])
            posted[line["id"], account] = posted.get((line["id"], account), 0) + each["minor"]


def _check_earned(report: Report, paper: Paper, entries: Sequence[Members]) -> None:
    """Fees whose time is over, and what lapses of a commitment that was paid before."""
    lapsing = {
        (line["subscription"], line["price"].removeprefix("commitment/").rpartition("/")[0])
        for line in paper.lines.values()
        if line["price"].startswith("commitment/") and line["price"].endswith("/lapsed")
    }
    accounts = {f"commitment/{subscription}/{key}" for subscription, key in lapsing}
    wanted: list[tuple[str, Fraction, object]] = []
    for each in paper.movements:
        minor = Fraction(each["details"].get("contained_minor", 0) - each["minor"])
        if each["kind"] == "earned":
            line = each["id"].split("/")[1]
            wanted += [("deferred-revenue", minor, line), ("revenue", -minor, line)]
        elif each["kind"] == "lapsed" and each["account"] in accounts:
            wanted += [("deferred-revenue", minor, None), ("breakage", -minor, None)]
    _compare_postings(report, "what is earned", wanted, entries)


def _check_reversal(report: Report, entry: Members, whole: Members | None, voided: Members | None) -> None:
    """A void takes back an entry of the same paper, posting by posting."""
    name = entry["id"]
    if whole is None or voided is None:
        report.add(LEDGER, f"entry {name}", "the void of an entry that is here", entry["reverses"])
        return
    turned = [{**each, "minor": -each["minor"]} for each in whole["postings"]]
    at = max(parse_instant(voided["at"]), parse_instant(whole["effective_at"]))
    report.compare(
        LEDGER,
        [
            (f"entry {name}: id", f"reversal/{whole['id']}", name),
            (f"entry {name}: postings", turned, entry["postings"]),
            (f"entry {name}: effective", at, parse_instant(entry["effective_at"])),
            (f"entry {name}: booked", voided["at"], entry["booked_at"]),
            (f"entry {name}: person", voided["person"], entry["person"]),
            (f"entry {name}: reason", voided["reason"], entry["reason"]),
        ],
    )


def _check_later(report: Report, paper: Paper, entry: Members) -> None:
    """What was paid, put against the paper or refunded, and what movements of credits mean."""
    name, word = entry["id"], _word(entry)
    debited, credited = DEBITED.get(word, (set(), set()))
    for each in entry["postings"]:
        if each["account"] not in (debited if each["minor"] > 0 else credited):
            report.add(LEDGER, f"entry {name}: posting", f"accounts of a {word}", each["account"])
    named = [each for each in entry["postings"] if each["line"] is not None or each["reverses"] is not None]
    report.compare(LEDGER, [(f"entry {name}: postings of lines", [], named)])
    if word == "payment":
        reason = f"payment of invoice {paper.document['number']}"
        report.compare(LEDGER, [(f"entry {name}: reason", reason, entry["reason"])])
    elif word == "applied":
        report.compare(LEDGER, [(f"entry {name}: id", paper.document["id"], str(name).rpartition("/")[2])])
    elif word == "refund":
        report.compare(LEDGER, [(f"entry {name}: id", f"refund/{paper.document['id']}", name)])
    elif word in KINDS and name not in {each["id"] for each in paper.movements}:
        report.add(LEDGER, f"entry {name}", "a movement of that name", "none")


def _check_owed(report: Report, paper: Paper, entries: Sequence[Members], *, is_voided: bool) -> None:
    """What the entries leave owed is due; more is paid only than is open, and not refunded than is owed."""
    own = {f"invoice/{paper.document['id']}", f"credits/{paper.document['id']}"}
    owed = taxes = open_minor = balance = 0
    overpaid = False
    for entry in entries:
        for each in entry["postings"]:
            of_balance = each["account"] == "customer-balance"
            owed += (
                each["minor"] if entry["id"] in own and (each["account"] == "receivable" or of_balance) else 0
            )
            taxes += each["minor"] if entry["id"] in own and each["account"] == "tax-payable" else 0
            open_minor += each["minor"] if each["account"] == "receivable" else 0
            balance += each["minor"] if of_balance and _word(entry) != "applied" else 0
            overpaid |= of_balance and _word(entry) == "payment"
    due = paper.money(str(paper.document.get("due", paper.document["total"])))
    report.compare(LEDGER, [("what is owed by the entries", due, owed), ("taxes", -paper.taxes, taxes)])
    if is_voided:
        return  # what had been set against it stays
    if open_minor < 0 or (overpaid and open_minor):
        report.add(LEDGER, "what is open", "paid before more is", open_minor)
    if balance > 0:
        report.add(LEDGER, "what is refunded", "at most what is owed to the customer", balance)
