"""What a hostile hand types at drafts, breaks and waivers is refused with what is wrong, what to do and the
right exit code, and leaves nothing behind; on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from tests.reviewed_home import DRAFTED_AT, IN_THE_WINDOW, close_at, make_reviewed_home
from tests.small_home import call, ingest
from tests.surface.conftest import Ran, in_process
from tests.unit.flows.test_cycle_ties import state
from tieout.contract.policy import signer_role
from tieout.flows.close_periods import close
from tieout.flows.drafts import approve_draft, list_drafts, redraft
from tieout.flows.manual_lines import LineOrder, add_line, decide_line
from tieout.flows.policy import register_key
from tieout.flows.waivers import propose_waiver, write_waiver_request
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.instant import parse_instant
from tieout.rate.manual_line import LineDecision
from tieout.store.sqlite import open_engine

HOSTILE = "\x1b[31m\u202egnp.exe"
LONG = "F" * 2_000
JANUARY = "2026-01-15T00:00:00Z"
SAID = ("--by", "Erin", "--reason", "right")
ZEROS = "0" * 64
PUT = ("draft", "add-line", "acme", "--by", "Dana", "--reason", "agreed", "--description", "x")
WAIVE = ("reconcile", "waiver", "propose", "gateway", "--by", "Dana", "--reason", "lost")
TABLE: list[tuple[int, tuple[str, ...], str]] = [
    (3, ("draft", "show", HOSTILE), "tieout draft list"),
    (3, ("draft", "show", "{draft}", "--revision", "9"), "no revision 9 of draft"),
    (3, ("draft", "diff", "{draft}", "--before", "1", "--after", "9"), "tieout draft history"),
    (3, ("draft", "list", "--customer", "nobody"), "no customer 'nobody'"),
    (3, ("draft", "lines", "--customer", HOSTILE), "no customer"),
    (3, ("draft", "note", "in_nope", "--by", "Erin", "--text", "x"), "tieout draft list"),
    (2, ("draft", "note", "{draft}", "--by", HOSTILE, "--text", "x"), "--by"),
    (2, ("draft", "note", "{draft}", "--by", "Erin", "--text", " "), "--text"),
    (2, ("draft", "note", "{draft}", "--by", "Erin", "--text", LONG), "2000 characters"),
    (2, ("draft", "object", "{draft}", "--by", "Erin", "--reason", HOSTILE), "--reason"),
    (4, ("draft", "note", "{sealed}", "--by", "Erin", "--text", "late"), "sealed"),
    (4, ("draft", "object", "{sealed}", *SAID), "sealed"),
    (4, ("draft", "redraft", "{sealed}", *SAID), "is sealed as"),
    (4, ("draft", "approve", "{sealed}", *SAID, "--sha256", "{sealed_sha}"), "sealed"),
    (4, ("draft", "approve", "{draft}", *SAID, "--sha256", "{old}"), "tieout draft show"),
    (4, ("draft", "approve", "{draft}", *SAID, "--sha256", "{sealed_sha}"), "not that of the latest"),
    (4, ("draft", "approve", "{draft}", *SAID, "--sha256", "{sha}00"), "not that of the latest"),
    (2, ("draft", "approve", "{draft}", *SAID, "--sha256", "abc"), "at least 8"),
    (2, ("draft", "approve", "{draft}", *SAID, "--sha256", HOSTILE), "is no digest"),
    (2, ("draft", "approve", "{draft}", *SAID), "--sha256"),
    (4, ("draft", "approve-delta", "{draft}", *SAID, "--digest", ZEROS), "not that of the latest"),
    (2, ("draft", "approve-delta", "{draft}", "--by", " DANA", "--digest", "{delta}"), "another person"),
    (3, ("draft", "approve-line", HOSTILE, *SAID), "tieout draft lines"),
    (2, ("draft", "approve-line", "{line}", "--by", "dana ", "--reason", "x"), "another person"),
    (4, ("draft", "approve-line", "{done}", *SAID), "that is final"),
    (4, ("draft", "reject-line", "{done}", *SAID), "that is final"),
    (3, ("draft", "add-line", "nobody", *PUT[3:], "--period", JANUARY, "--amount", "1"), "no customer"),
    (2, (*PUT, "--period", "soon", "--amount", "1"), "RFC 3339"),
    (2, (*PUT, "--period", "1999-01-01T00:00:00Z", "--amount", "1"), "tieout customer show"),
    (2, (*PUT, "--period", f"{JANUARY}/2026-01-16T00:00:00Z", "--amount", "1"), "name one billing period"),
    (2, (*PUT, "--period", JANUARY, "--amount", "1e3", "--tax-category", "x"), "--tax-category: 'x'"),
    (2, (*PUT, "--period", JANUARY, "--amount", "NaN"), "plain decimal"),
    (2, (*PUT, "--period", JANUARY, "--amount", "0"), "changes nothing"),
    (3, ("reconcile", "show", HOSTILE), "tieout reconcile list"),
    (3, ("reconcile", "run", "--customer", "nobody"), "no customer 'nobody'"),
    (2, ("reconcile", "run", "--from", JANUARY, "--until", JANUARY), "--until must be after --from"),
    (2, ("reconcile", "run", "--as-of", "9999-01-01T00:00:00Z"), "Cannot close as of"),
    (3, ("reconcile", "rerun", "nobody", *SAID), "tieout reconcile list"),
    (2, ("reconcile", "rerun", "{draft}", "--by", "", "--reason", "x"), "--by"),
    (3, ("reconcile", "approve", ZEROS, *SAID), "tieout reconcile rerun"),
    (3, ("reconcile", "approve", "", *SAID), "8 digits"),
    (2, ("reconcile", "approve", "{delta}", "--by", "dana", "--reason", "x"), "another person"),
    (3, (*WAIVE, "nope"), "tieout ingest control-totals"),
    (3, ("reconcile", "waiver", "propose", HOSTILE, *WAIVE[4:], "jan"), "Nothing was received"),
    (2, WAIVE, "or --numbers"),
    (2, (*WAIVE, "--numbers", "9-2"), "FIRST-LAST"),
    (3, (*WAIVE, "--numbers", "1-2"), "tieout ingest gaps"),
    (2, (*WAIVE[:5], HOSTILE, *WAIVE[6:], "jan"), "name is 1 to 128"),
    (3, ("reconcile", "waiver", "request", "", "--out", "{folder}/o.json"), "waiver show"),
    (3, ("reconcile", "waiver", "request", "{waiver}", "--out", "{folder}/no/o.json"), "There is no folder"),
    (2, ("reconcile", "waiver", "submit", "{folder}/nothing"), "cannot be read"),
    (2, ("reconcile", "waiver", "submit", "{folder}/waiver.json"), "not a signature file"),
    (2, ("reconcile", "waiver", "submit", "{folder}/proposer"), "another person signs it"),
    (2, ("reconcile", "waiver", "submit", "{folder}/stranger"), "refused"),
    (2, ("policy", "submit", "{folder}/engineering"), "refused"),
]


@dataclass(frozen=True)
class Desk:
    folder: Path
    url: str
    names: dict[str, str]

    def run(self, *arguments: str) -> Ran:
        """`{name}` stands for what the home calls it."""
        given = [argument.format(**self.names) if "{" in argument else argument for argument in arguments]
        # An empty URL is none: SQLite.
        return in_process(*given, TIEOUT_HOME=str(self.folder), TIEOUT_DATABASE_URL=self.url)

    def all_there_is(self) -> dict[str, list[str]]:
        """Every row of the books."""
        engine = open_engine(self.url or self.folder / "books.db", schema="books")
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            found = {
                name: sorted(map(str, connection.execute(text(f'SELECT * FROM "{name}"')))) for name in tables
            }
        engine.dispose()
        assert found["review_entry"] and found["waiver"]
        return found


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Iterator[str]
) -> Iterator[Desk]:
    """Birch's invoice is sealed; acme's draft is at its second revision, and events changed what was shown. A
    line waits, one is decided; a control total differs, and its waiver is proposed."""
    folder = tmp_path_factory.mktemp("desk")
    url = "" if request.param == "sqlite" else next(postgres)
    with pytest.MonkeyPatch.context() as patch:
        if url:
            patch.setenv("TIEOUT_DATABASE_URL", url)
        yield Desk(folder / "home", url, prepared(folder))


def prepared(folder: Path) -> dict[str, str]:
    policy = 'requires = ["approved_draft"]\n'
    home, clock = make_reviewed_home(folder / "home", customers=("acme", "birch"), policy=policy)
    with home:
        ingest(home, [call(n, "acme", f"2026-01-{n + 1:02}T12:00:00Z") for n in range(10)])
        close(home, as_of=DRAFTED_AT)
        drafts = {row.draft.customer: row.draft for row in list_drafts(home)}
        acme, birch = drafts["acme"], drafts["birch"]  # type: ignore[index]
        approve_draft(home, birch.invoice, sha256=birch.sha256, person="Erin", reason="right")
        order = LineOrder("acme", parse_instant(JANUARY), None, "-2.50", "Credit", None)
        done = add_line(home, order, person="Dana", reason="agreed")
        decide_line(home, done.id, LineDecision.APPROVED, person="Erin", reason="right")
        ingest(home, [call(50, "acme", "2026-01-30T12:00:00Z")], "more.ndjson")
        close_at(home, clock, IN_THE_WINDOW)
        redraft(home, acme.invoice, person="Dana", reason="backfill")
        (latest,) = [row.draft for row in list_drafts(home)]
        line = add_line(home, order, person="Dana", reason="agreed")
        state(home, 15)
        waiver = propose_waiver(home, "gateway", "jan", by="Dana", reason="lost").proposed.digest
        write_waiver_request(home, waiver, folder / "waiver.json")
        for name, role, person in (
            ("proposer", "ops", "Dana"),
            ("engineering", "engineering", "Eli"),
            ("stranger", "finance", "Nobody"),
        ):
            keys = folder / f"{name}.key", folder / f"{name}.pub"
            generate_key(*keys)
            if name != "stranger":
                register_key(home, signer_role(role), person, keys[1])
            asked = {"private_key": keys[0], "role": signer_role(role), "person": person}
            sign_request(folder / "waiver.json", out=folder / name, **asked)  # type: ignore[arg-type]
    return {
        "folder": str(folder),
        **{"draft": acme.invoice, "old": acme.sha256, "sha": latest.sha256, "delta": latest.delta or ""},
        **{"sealed": birch.invoice, "sealed_sha": birch.sha256},
        **{"line": line.id, "done": done.id, "waiver": waiver},
    }


@pytest.fixture(scope="module")
def before(desk: Desk) -> dict[str, list[str]]:
    return desk.all_there_is()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {' '.join(row[1])[:50]!a} {row[2][:20]}")
def test_it_is_refused_with_what_to_do_and_leaves_nothing(
    desk: Desk, before: dict[str, list[str]], row: tuple[int, tuple[str, ...], str]
) -> None:
    code, arguments, said = row
    ran = desk.run(*arguments)
    assert ran.code == code and said in " ".join(ran.err.split()), ran
    assert ran.out == ""
    assert not {"\x1b", "\u202e"} & set(ran.err) and "Traceback" not in ran.err
    assert desk.all_there_is() == before


def test_the_same_twice_changes_nothing_more(desk: Desk, before: dict[str, list[str]]) -> None:
    again = desk.run(*WAIVE, "jan", "--json")
    assert again.code == 0 and again.json["digest"] == desk.names["waiver"]
    assert desk.all_there_is() == before
    submit = ("reconcile", "waiver", "submit", "{folder}/engineering", "--json")
    assert desk.run(*submit).json["missing"] == ["finance", "ops"]
    signed = desk.all_there_is()
    assert desk.run(*submit).code in (0, 4)
    assert desk.all_there_is() == signed
