"""The project's Python files, parsed: what every guard reads."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One Python file; `path` is relative to the root, `name` is how it is imported."""

    path: str
    source: str

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.source)))


def modules(root: Path, *parts: str) -> list[Module]:
    """The modules below these files and folders of `root`, in order of path."""
    paths = [
        path for part in parts for path in ([root / part] if part.endswith(".py") else (root / part).rglob("*.py"))
    ]
    return [Module(path.relative_to(root).as_posix(), path.read_text()) for path in sorted(paths) if path.is_file()]


def production(root: Path) -> list[Module]:
    """What ships: the app and the package."""
    return modules(root, "app.py", "billing")


def names(tree: list[Module]) -> set[str]:
    """What can be imported: the modules and every package they lie in, with an __init__ or without."""
    parts = [module.name.split(".") for module in tree]
    return {".".join(part[:length]) for part in parts for length in range(1, len(part) + 1)}


def imports(module: Module, known: set[str]) -> Iterator[tuple[int, str]]:
    """Line and full name of all that `module` imports; `from a import b` is a.b where that is a module in `known`."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node.lineno, inner if inner in known else node.module
