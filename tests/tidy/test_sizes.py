"""A file fits one rule and a function one decision: at most 400 and 60 lines."""

from __future__ import annotations

import ast

from tests.tidy.tree import named, python_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def too_long(text: str) -> list[str]:
    found = []
    lines = len(text.splitlines())
    if lines > FILE_LINES_MAX:
        found.append(f"{lines} lines in the file")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                found.append(f"line {node.lineno}: {node.name} has {length} lines")
    return found


def test_files_and_functions_stay_short() -> None:
    found = [f"{named(path)}: {what}" for path in python_files() for what in too_long(path.read_text())]
    assert not found, "\n".join(found)


def test_a_long_file_is_found() -> None:
    assert too_long("x = 1\n" * 400) == []
    assert too_long("x = 1\n" * 401) == ["401 lines in the file"]


def test_a_long_function_is_found() -> None:
    assert too_long("def f():\n" + "    x = 1\n" * 59) == []
    assert too_long("async def f():\n" + "    x = 1\n" * 60) == ["line 1: f has 61 lines"]
