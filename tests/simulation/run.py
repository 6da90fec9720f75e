"""One run of the simulation: a home, receivers, servers that die one after another, and what came of it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Event, Thread

from tests.receivers import Receiver, receiver
from tests.simulation import findings, told
from tests.simulation.held import of_entitlements
from tests.simulation.naive import Naive, naive_of
from tests.simulation.running import Running, start
from tests.simulation.senders import Outbox, shuffled
from tests.simulation.traffic import Traffic, traffic
from tests.simulation.world import POLICY, SOURCE, customers, documents, rules, targets
from tests.small_home import SIGNED_AT, sign_policy
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.invoices import list_invoices
from tieout.flows.notices import change_egress, set_secret
from tieout.flows.pipeline_alerts import close_alert, list_alerts
from tieout.flows.verify_books import verify_books
from tieout.flows.watch_pipeline import watch_pipeline
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant
from tieout.notice.attempt import MessageState
from tieout.trigger.crossing import Change
from tieout.wiring import Home, create_home, open_home

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
FIRST_PHASE = datetime(2026, 1, 5, tzinfo=UTC)
LAST_PHASE = datetime(2026, 1, 28, tzinfo=UTC)
CALM = datetime(2026, 1, 29, tzinfo=UTC)
TOLD_AT = datetime(2026, 1, 30, tzinfo=UTC)
CLOSED_AT = datetime(2026, 2, 3, 12, tzinfo=UTC)
LAST_TOLD_AT = datetime(2026, 2, 5, tzinfo=UTC)
TOLD_HOURS = 3


@dataclass(frozen=True, slots=True)
class Scale:
    """`points`: what kills in each phase, point and pass; a phase lasts `seconds` at most. `kills_every`
    seconds any process is killed besides (0: none). `patience`: for what must come to an end."""

    customers: int
    seed: int
    points: tuple[dict[str, int], ...]
    largest: int
    seconds: float
    senders: int = 4
    kills_every: float = 0
    flaky_percent: int = 25
    patience: float = 240
    sample: int = 50
    close_points: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """`findings` empty: it all tied."""

    findings: list[str]
    counts: dict[str, object]


@dataclass(slots=True)
class Simulation:
    """`say` hears how far it is."""

    folder: Path
    scale: Scale
    say: Callable[[str], None]
    outbox: Outbox = field(init=False)
    sent: Traffic = field(init=False)
    ops: str = field(default="", init=False)
    _killed: int = 0
    _servers: int = 0
    _running: list[Running] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def notes(self) -> Path:
        return self.folder / "kills"

    def run(self) -> Outcome:
        """Whatever happens, no server is left."""
        try:
            return self._run()
        finally:
            for server in self._running:
                server.kill_all(supervisor_first=False)

    def _run(self) -> Outcome:
        with (
            receiver("http", self.folder / "hook.got") as hook,
            receiver("smtp", self.folder / "mail.got") as mail,
        ):
            self._prepare(hook, mail)
            chance = random.Random(self.scale.seed)
            starts = self._starts()
            self.sent = traffic(
                customers(self.scale.customers), starts, seed=self.scale.seed, largest=self.scale.largest
            )
            for number, (begins, points) in enumerate(zip(starts, self.scale.points, strict=True)):
                self.outbox.waiting += shuffled(self.sent.phases[number], chance)
                self._phase(begins, points, chance)
                self.say(f"phase {number + 1} of {len(starts)}: killed at {', '.join(points)}")
            return self._end(hook, mail)

    def _starts(self) -> list[datetime]:
        count = len(self.scale.points)
        step = (LAST_PHASE - FIRST_PHASE) / max(count - 1, 1)
        return [FIRST_PHASE + step * number for number in range(count)]

    def _prepare(self, hook: Receiver, mail: Receiver) -> None:
        catalog = self.folder / "catalog"
        catalog.mkdir(parents=True)
        listed = customers(self.scale.customers)
        named = documents(listed)
        named["rules.toml"] = rules()
        url = hook.url(f"/flaky/{self.scale.flaky_percent}")
        named["targets.toml"] = targets(url, mail.port)
        for name, text in named.items():
            (catalog / name).write_text(text)
        with create_home(self.home, clock=SteppedClock(SIGNED_AT)) as home:
            apply_catalog(home, catalog)
            sign_policy(home, self.folder, POLICY)
            change_egress(home, allow_private=True, ports=None)
            set_secret(home, "hook", SECRET, keep_hours=0)
            _, token = create_api_key(home, name="gateway", role="source", sources=[SOURCE])
            _, self.ops = create_api_key(home, name="product", role="product", sources=[])
        self.outbox = Outbox(token)
        self.say(f"{len(listed)} customers are there")

    def _start(self, now: datetime, points: dict[str, int] | None = None) -> Running:
        self._servers += 1
        log = self.folder / f"server-{self._servers}.log"
        server = start(self.home, now, told=log, crash_at=points, notes=self.notes)
        self._running.append(server)
        return server

    def _phase(self, begins: datetime, points: dict[str, int], chance: random.Random) -> None:
        """Rules are looked at from the end of the log on: nothing is sent before somebody has looked once."""
        server = self._start(begins, points)
        with self._opened() as home:
            if home.books.triggers.looked() is None:
                self._settle(server, "looked", lambda home: home.books.triggers.looked() is not None)
        over = Event()
        killer = Thread(target=self._kill_now_and_then, args=(server, over, random.Random(chance.random())))
        killer.start()
        until = time.monotonic() + self.scale.seconds
        self.outbox.send(server.port, senders=self.scale.senders, until=until, stop=over.is_set)
        time.sleep(max(until - time.monotonic(), 0))
        over.set()
        killer.join()
        server.kill_all(supervisor_first=chance.random() < 0.5)
        self._killed += 1

    def _kill_now_and_then(self, server: Running, over: Event, chance: random.Random) -> None:
        while self.scale.kills_every and not over.wait(self.scale.kills_every * (0.5 + chance.random())):
            self._killed += server.kill_one(chance)

    def _end(self, hook: Receiver, mail: Receiver) -> Outcome:
        found: list[str] = []
        server = self._start(CALM)
        self._send_all(server, senders=self.scale.senders)
        for step in self.sent.steps:
            self.outbox.waiting.append(step)
            self._send_all(server, senders=1)
        found += [f"request {each.number} was never answered" for each in self.outbox.waiting]
        self._settle(server, "looked to the end", self._looked)
        with self._opened() as home:
            batches = findings.batches_of(home, self.sent)
        naive = naive_of(customers(self.scale.customers), batches)
        self.say(f"{len(batches)} batches, {len(naive.crossings)} crossings of usage to be there")
        chance = random.Random(self.scale.seed)
        chosen = chance.sample(sorted(naive.customers), min(self.scale.sample, len(naive.customers)))
        found += of_entitlements(server.port, self.ops, naive, chosen)
        assert server.end() == 0
        found += self._told(hook, mail, TOLD_AT)
        with self._opened(TOLD_AT) as home:
            changes = findings.recorded(home)
            interims = findings.interims_of(home)
            found += findings.of_the_log(batches, self.sent, self.outbox.acknowledged)
            found += findings.of_crossings(naive, changes, interims)
            found += findings.of_effects(home, naive, changes)
        found += self._closed(naive, changes)
        found += self._told(hook, mail, LAST_TOLD_AT)
        return Outcome(found, self._counts(hook, mail, naive, changes, len(batches)))

    def _send_all(self, server: Running, *, senders: int) -> None:
        until = time.monotonic() + self.scale.patience
        self.outbox.send(server.port, senders=senders, until=until, stop=lambda: False)

    def _told(self, hook: Receiver, mail: Receiver, now: datetime) -> list[str]:
        """Receivers fail no more, and a day has passed: all that waits is due. What is only now put into a
        digest is due once that has gathered, an hour later."""
        for each in (hook, mail):
            each.file.with_name(f"{each.file.name}.calm").touch()
        for hours in range(TOLD_HOURS):
            begins = now + timedelta(hours=hours)
            server = self._start(begins)
            self._settle(server, "told what is due", partial(self._all_told, begins=_instant(begins)))
            assert server.end() == 0
            with self._opened(now) as home:
                if not _states(home) & {MessageState.GATHERING, MessageState.WAITING}:
                    break
        with self._opened(now) as home:
            wanted = findings.notices_wanted(findings.recorded(home))
            names = _names(home)
        return [*told.of_hook(hook, wanted), *told.of_mail(mail, wanted, names)]

    def _closed(self, naive: Naive, changes: list[Change]) -> list[str]:
        """A server closes January, and is killed while it does; holds that end below end."""
        with self._opened(CLOSED_AT) as home:
            watch_pipeline(home)
            _explain(home)
        server = self._start(CLOSED_AT, self.scale.close_points)
        self._settle(server, "closed", lambda home: self._all_closed(home, naive))
        server.kill_all(supervisor_first=False)
        with self._opened(CLOSED_AT) as home:
            after = findings.recorded(home)[len(changes) :]
            found = [*told.lifted_only(after), *findings.of_invoices(home, naive)]
            found += [str(each) for each in verify_books(home).findings]
            found += [str(each) for each in home.log.verify().findings]
            standing = [each for each in home.books.triggers.holds() if each.stands_at(home.clock.now())]
            found += [f"{each.customer} is still held: {each}" for each in standing]
        return found

    def _settle(self, server: Running, what: str, holds: Callable[[Home], bool]) -> None:
        with self._opened() as home:
            server.wait_until(what, lambda: holds(home), seconds=self.scale.patience)
        self.say(what)

    def _looked(self, home: Home) -> bool:
        _explain(home)
        triggers = home.books.triggers
        return triggers.looked() == home.log.head() and not triggers.interim_requests(open_only=True)

    def _all_told(self, home: Home, *, begins: Instant) -> bool:
        """But for a digest that began to gather since `begins`."""
        counts, states = home.books.notices.counts(), _states(home)
        gathers = counts.oldest_due_at is not None and counts.oldest_due_at > begins
        later = {MessageState.GATHERING, MessageState.WAITING}  # the latter: it is full, and is due later
        ended = {MessageState.DELIVERED} | (later if gathers else set())
        return counts.unrouted == 0 and states <= ended

    def _all_closed(self, home: Home, naive: Naive) -> bool:
        finals = sum(row.kind != "interim" and row.number is not None for row in list_invoices(home))
        now = _instant(CLOSED_AT)
        return finals >= len(naive.customers) and not any(
            each.stands_at(now) for each in home.books.triggers.holds()
        )

    def _opened(self, now: datetime = CALM) -> Home:
        return open_home(self.home, clock=SteppedClock(_instant(now)))

    def _counts(
        self, hook: Receiver, mail: Receiver, naive: Naive, changes: list[Change], batches: int
    ) -> dict[str, object]:
        at_points = self.notes.read_text().split() if self.notes.exists() else []
        posts, again = told.copies(hook)
        mails, mails_again = told.copies(mail)
        with self._opened(LAST_TOLD_AT) as home:
            holds = home.books.triggers.holds()
            papers = Counter(row.kind for row in list_invoices(home))
            total = sum((Fraction(row.total.decimal_text) for row in list_invoices(home)), Fraction(0))
            changed = Counter(
                f"{each.change.rule.kind} {each.change.kind}"
                for each in home.books.triggers.changes_of(None, limit=findings.ALL)
            )
        return {
            "customers": len(naive.customers),
            "batches": batches,
            **{f"items {name}": count for name, count in sorted(self.outbox.answered.items())},
            "requests not answered": self.outbox.unanswered,
            "servers": self._servers,
            "killed at random": self._killed,
            "killed at points": len(at_points),
            "points": dict(sorted(Counter(at_points).items())),
            "changes": dict(sorted(changed.items())),
            "crossed more than once": sum(each.ordinal > 1 for each in changes),
            "holds": len(holds),
            "invoices": dict(papers),
            "asked USD": str(float(total)),
            "posts": posts,
            "posts that came again": again,
            "mails": mails,
            "mails that came again": mails_again,
        }


def _explain(home: Home) -> None:
    """Such traffic looks odd, which holds invoices until somebody has looked."""
    for alert in list_alerts(home):
        close_alert(home, alert.id, by="Ana", reason="senders repeat themselves here")


def _states(home: Home) -> set[MessageState]:
    return {state for state, _ in home.books.notices.counts().messages}


def _names(home: Home) -> dict[str, tuple[str, str]]:
    from tieout.notice.notice import data_of
    from tieout.ports.notices import NoticeFilter

    found = home.books.notices.page(NoticeFilter(), after=None, limit=findings.ALL)
    return {each.notice.id: (each.notice.kind, str(data_of(each.notice).get("change"))) for each in found}


def _instant(at: datetime) -> Instant:
    return Instant((at - findings.EPOCH) // timedelta(microseconds=1))
