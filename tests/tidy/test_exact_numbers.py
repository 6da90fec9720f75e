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
