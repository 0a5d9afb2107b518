"""What the house rules mean, as functions from a file's text to the places that break them.

Each is pure, so test_house.py can show it a file that must not pass.
"""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping

MOST_LINES = 400
MOST_FUNCTION_LINES = 60
MEDIAN_FUNCTION_LINES = 10
P90_FUNCTION_LINES = 30

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef

_UNDONE = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r"\b")
_MACHINE = re.compile(r"(?<![\w./~-])/(?:work|home/\w+|Users/\w+|root)/\w")
_REGISTRY = re.compile(
    r"\b(?:files\.pythonhosted|pypi|pypi\.python|test\.pypi|registry\.npmjs|crates|conda\.anaconda)\.(?:org|io)\b"
    r"|--(?:extra-)?index-url[ =]|\bartifactory\b|\bnexus\.",
)


def functions(source: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _FUNCTIONS):
            yield node


def length(function: Function) -> int:
    """Lines from `def` to the end, docstring and all."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def long_files(files: Mapping[str, str]) -> list[str]:
    counts = {name: len(text.splitlines()) for name, text in files.items()}
    return [f"{name}: {count} lines" for name, count in counts.items() if count > MOST_LINES]


def long_functions(files: Mapping[str, str]) -> list[str]:
    return [
        f"{name}:{function.lineno} {function.name}: {length(function)} lines"
        for name, text in files.items()
        for function in functions(text)
        if length(function) > MOST_FUNCTION_LINES
    ]


def spread(files: Mapping[str, str]) -> list[str]:
    """The median and the ninetieth percentile of all functions together."""
    lengths = [length(f) for text in files.values() for f in functions(text)]
    median, p90 = statistics.median(lengths), statistics.quantiles(lengths, n=10)[-1]
    return [f"median {median}"] * (median > MEDIAN_FUNCTION_LINES) + [f"p90 {p90}"] * (
        p90 > P90_FUNCTION_LINES
    )


def bare_signatures(files: Mapping[str, str]) -> list[str]:
    """Functions of which an argument or the result has no annotation."""
    return [
        f"{name}:{function.lineno} {function.name}"
        for name, text in files.items()
        for function in functions(text)
        if function.returns is None or any(a.annotation is None for a in _arguments(function))
    ]


def _arguments(function: Function) -> Iterator[ast.arg]:
    given = function.args
    ordinary = [*given.posonlyargs, *given.args]
    bound = bool(ordinary) and ordinary[0].arg in ("self", "cls") and ordinary[0].annotation is None
    yield from ordinary[bound:]
    yield from given.kwonlyargs
    yield from (a for a in (given.vararg, given.kwarg) if a is not None)


def environment_readers(files: Mapping[str, str]) -> list[str]:
    """Files that read the environment."""
    return [
        name for name, text in files.items() if any(_reads_environment(n) for n in ast.walk(ast.parse(text)))
    ]


def _reads_environment(node: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr=attribute):
            return attribute in names
        case ast.ImportFrom(module="os", names=imported):
            return any(alias.name in names for alias in imported)
    return False


def broad_catchers(files: Mapping[str, str]) -> list[str]:
    """Places that catch everything: `except:`, Exception, BaseException, suppress(Exception)."""
    return [
        f"{name}:{node.lineno}"
        for name, text in files.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler | ast.Call) and _is_broad(node)
    ]


def _is_broad(node: ast.ExceptHandler | ast.Call) -> bool:
    broad = {"Exception", "BaseException"}
    if isinstance(node, ast.ExceptHandler):
        if node.type is None:
            return True
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        return any(isinstance(c, ast.Name) and c.id in broad for c in caught)
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return called == "suppress" and any(isinstance(a, ast.Name) and a.id in broad for a in node.args)


def mockers(files: Mapping[str, str]) -> list[str]:
    """Tests that replace parts of our own code."""
    return [
        f"{name}:{node.lineno}"
        for name, text in files.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom | ast.Import | ast.arg) and _mocks(node)
    ]


def _mocks(node: ast.ImportFrom | ast.Import | ast.arg) -> bool:
    match node:
        case ast.arg(arg=argument):
            return argument in ("monkeypatch", "mocker")
        case ast.Import(names=imported):
            return any(
                a.name.startswith(("unittest.mock", "pytest_mock")) or a.name == "mock" for a in imported
            )
        case ast.ImportFrom(module=module, names=imported):
            parts = (module or "").split(".")
            return "mock" in parts or parts[0] == "pytest_mock" or any(a.name == "mock" for a in imported)


def undone(files: Mapping[str, str]) -> list[str]:
    """Notes to come back later, and code that says it is not there."""
    return [*_lines(files, _UNDONE), *_lines(files, re.compile("NotImplemented" + "Error"))]


def machine_paths(files: Mapping[str, str]) -> list[str]:
    """Paths that exist only on the machine of whoever wrote the file."""
    return _lines(files, _MACHINE)


def registries(files: Mapping[str, str]) -> list[str]:
    """Hosts that packages come from; which one is a choice of the machine, not of the project."""
    return _lines(files, _REGISTRY)


def _lines(files: Mapping[str, str], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def cycles(imports: Mapping[str, Iterable[str]]) -> list[str]:
    """Modules that import one another in a ring, each ring once (Tarjan's components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[str] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in imports.get(module, ()):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            ring = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(ring) > 1:
                found.append(" <-> ".join(sorted(ring)))

    for module in imports:
        if module not in index:
            visit(module)
    return found
