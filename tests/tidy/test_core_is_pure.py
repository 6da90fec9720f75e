"""The core is values in, values out. import-linter refuses whole modules; here stand the single names that
read a clock, a file, the environment, chance or the hash seed while their module is harmless otherwise.
"""

from __future__ import annotations

import ast

import pytest

from tests.tidy.tree import core_sources, named

BUILTINS = {
    "open",
    "print",
    "input",
    "eval",
    "exec",
    "compile",
    "breakpoint",
    "hash",
    "globals",
    "__import__",
}
ATTRIBUTES = {
    *("now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp"),
    *("environ", "getenv", "urandom", "getrandbits"),
    *("read_text", "read_bytes", "write_text", "write_bytes"),
}
MODULE_CALLS = {("gzip", "open"), ("io", "open"), ("decimal", "getcontext")}
VALUE_PATHS = {"PurePath", "PurePosixPath", "PureWindowsPath"}


def impure(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                found.append(f"line {node.lineno}: {name}()")
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (module, name) in MODULE_CALLS:
                found.append(f"line {node.lineno}: {module}.{name}")
            case ast.Call(func=ast.Attribute(attr=name)) if name in ATTRIBUTES:
                found.append(f"line {node.lineno}: .{name}()")
            case ast.Attribute(attr="environ"):
                found.append(f"line {node.lineno}: .environ")
            case ast.Import(names=names) if any(name.name.split(".")[0] == "pathlib" for name in names):
                found.append(f"line {node.lineno}: import pathlib")
            case ast.ImportFrom(module="pathlib", names=names) if {name.name for name in names} - VALUE_PATHS:
                found.append(f"line {node.lineno}: from pathlib, more than PurePath")
            case ast.ImportFrom(module="decimal", names=names) if "getcontext" in {
                name.name for name in names
            }:
                found.append(f"line {node.lineno}: getcontext")
    return found


def test_the_core_reads_no_clock_file_environment_or_chance() -> None:
    found = [f"{named(path)}: {what}" for path in core_sources() for what in impure(path.read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "sample",
    [
        "datetime.now(UTC)",
        "date.today()",
        "open('f')",
        "os.environ['TZ']",
        "hash(key)",
        "gzip.open(path)",
        "from pathlib import Path",
        "import pathlib",
        "from decimal import getcontext",
        "decimal.getcontext()",
        "print(amount)",
    ],
)
def test_an_impure_line_is_found(sample: str) -> None:
    assert impure(sample)


@pytest.mark.parametrize(
    "sample", ["from pathlib import PurePath", "gzip.decompress(raw)", "x.now", "opened(f)"]
)
def test_pure_lines_pass(sample: str) -> None:
    assert impure(sample) == []
