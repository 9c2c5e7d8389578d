"""How big things may be: a file or function that grows past this wants to be two."""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("shared", "services", "demo")
MOST_FILE_LINES = 250
MOST_TEST_LINES = 300
MOST_FUNCTION_LINES = 40
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def length(function):
    """Lines of a function without its docstring."""
    first = function.body[0]
    text = first if ast.get_docstring(function) is not None else None
    own = text.end_lineno - text.lineno + 1 if text is not None else 0
    return function.end_lineno - function.lineno + 1 - own


def lets_pass(handler):
    """Whether an except clause ends by raising again what it caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def name(path):
    return str(path.relative_to(ROOT))


def test_a_file_has_one_subject():
    sizes = dict.fromkeys(FILES, MOST_FILE_LINES) | dict.fromkeys(TESTS, MOST_TEST_LINES)
    lines = {path: len(path.read_text().splitlines()) for path in sizes}
    assert {name(path): lines[path] for path in sizes if lines[path] > sizes[path]} == {}


def test_a_function_does_one_thing():
    assert {
        f"{name(path)}: {node.name}": length(node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, FUNCTIONS) and length(node) > MOST_FUNCTION_LINES
    } == {}


def test_every_test_module_has_a_name_of_its_own():
    """They are imported by it alone: of two, one would hide the other."""
    names = Counter(path.name for path in TESTS if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []


def test_only_the_consumers_and_the_processes_own_ends_catch_everything():
    broad = {
        name(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and not lets_pass(node)
        and (node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"})
    }
    assert broad <= {
        "services/scheduler/round.py",
        "services/processor/pool/process.py",  # the parsing process's end: whatever a parser raises
        "services/up/supervisor.py",
        "shared/eventjob/bus/roles/worker.py",
        "shared/eventjob/runtime/lifecycle.py",
    }
