"""A digest of the code that a result depends on, so that a changed method is measured again."""

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

_PACKAGE = "overread"
_ROOT = Path(__file__).parents[1]
TRAINING = ("benchmark.trainers", "training", "models", "detection")
"""What trains and judges. What only reads images or writes pages changes no result."""


@cache  # it takes half a second, and is asked for with every cell
def code_digest(*modules: str, parts: tuple[str, ...] = TRAINING) -> str:
    """16 hexadecimal digits: of the named modules and of all that they import from these parts. Comments, docstrings
    and layout do not count."""
    reached: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += [name for name in _imports(module) if _counts(name, parts)]
    digest = hashlib.sha256()
    for module in sorted(reached):
        digest.update(f"{module}\n{ast.dump(_without_docstrings(module))}\n".encode())
    return digest.hexdigest()[:16]


def _counts(module: str, parts: Sequence[str]) -> bool:
    return any(f"{module}.".startswith(f"{_PACKAGE}.{part}.") for part in parts)


def _file(module: str) -> Path | None:
    place = _ROOT.joinpath(*module.split(".")[1:])
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


@cache
def _tree(module: str) -> ast.Module:
    path = _file(module)
    return ast.parse(path.read_text(encoding="utf-8") if path else "")


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(_PACKAGE):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in (node.module, *names) if _file(name))


def _without_docstrings(module: str) -> ast.Module:
    tree = _tree(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
