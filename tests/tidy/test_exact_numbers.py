"""No binary float on the way of an amount (L10), and no rounding beside `quantize` and `settle`."""

from __future__ import annotations

import ast

import pytest

from tests.tidy.tree import PACKAGE, named, sources

MONEY_PATH = (
    *(
        "kernel",
        "table",
        "contract",
        "ingest",
        "aggregate",
        "balance",
        "ledger",
        "rate",
        "invoice",
        "close",
        "evidence",
        "replay",
    ),
    *("engines", "flows"),
)
NO_AMOUNT = "# not an amount"
"""On a line that names a float for another's sake (a signature, a time-out); the reason follows."""

MINOR_ELSEWHERE = {
    "src/tieout/kernel/money.py": "the one way from an amount to minor units, and back",
    "src/tieout/kernel/rounding.py": "`settle`, which rounds",
    "src/tieout/rate/money_usage.py": "a unit in which usage is stated",
    "src/tieout/close/reconcile.py": "an unsettled amount, held against what it was rounded to",
    "src/tieout/close/reconcile_corrections.py": "an unsettled amount, rounded a second time",
}
"""Where a power of ten stands by a currency's exponent, and why. `evidence/verify` shares no code with what
it checks, and compares fractions without making whole numbers of them."""

FLOAT_TYPES = {"float16", "float32", "float64", "float_", "double"}


def inexact(text: str) -> list[str]:
    tree = ast.parse(text)
    questions = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
        for inner in ast.walk(node)
    }
    lines = text.splitlines()
    found = []
    for node in ast.walk(tree):
        if NO_AMOUNT in lines[getattr(node, "lineno", 1) - 1]:
            continue
        match node:
            case ast.Constant(value=float() | complex()):
                found.append(f"line {node.lineno}: the float literal {node.value!r}")
            case ast.Name(id="float") if id(node) not in questions:
                found.append(f"line {node.lineno}: float")
            case ast.Call(func=ast.Name(id="round")):
                found.append(f"line {node.lineno}: round()")
            case ast.Attribute(attr=name) if name in FLOAT_TYPES:
                found.append(f"line {node.lineno}: {name}")
    return found


def minor_units(text: str) -> list[str]:
    """Powers of ten by a currency's exponent."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Pow)
        and "exponent" in ast.unparse(node.right)
    ]


def test_minor_units_come_of_amounts_in_one_way() -> None:
    found = {named(path): minor_units(path.read_text()) for path in sources()}
    verifier = "src/tieout/evidence/verify/"
    other = {name: what for name, what in found.items() if what and not name.startswith(verifier)}
    assert other.keys() == MINOR_ELSEWHERE.keys(), "Money.read and Money.exactly cut nothing off"


def test_a_second_way_to_minor_units_is_found() -> None:
    assert minor_units("minor = int(exact(text) * 10**unit.exponent)")
    assert minor_units("minor = int(amount * 10 ** currency(code).exponent)")
    assert minor_units("minor = Money.read(text, unit).minor") == []


def test_no_float_and_no_free_rounding_on_the_money_path() -> None:
    found = [
        f"{named(path)}: {what}"
        for path in sources()
        if path.relative_to(PACKAGE).parts[0] in MONEY_PATH
        for what in inexact(path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "sample",
    [
        "rate = 0.1",
        "x = float(rate)",
        "x: float = y",
        "x = round(y, 2)",
        "t = pa.float64()",
        "n = np.double(1)",
    ],
)
def test_an_inexact_number_is_found(sample: str) -> None:
    assert inexact(sample)


@pytest.mark.parametrize(
    "sample",
    [
        'rate = exact("0.1")',
        "isinstance(value, float)",
        "pause(0.1)  # not an amount: seconds",
        "x = 10",
        "settle(x)",
    ],
)
def test_exact_numbers_pass(sample: str) -> None:
    assert inexact(sample) == []
