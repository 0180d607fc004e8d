"""House rules a module keeps by itself."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Set

from tests.architecture.tree import Module, imports

_EXCUSE = re.compile(
    r"#\s*(?P<excuse>noqa|type:\s*ignore|pragma:\s*no cover)"
    r"(?:\s*:?\s*\[[\w, -]+\]|\s*:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?(?P<rest>.*)"
)
_TEST_WORD = re.compile(r"""["']?(TESTING|testing|PYTEST\w*|pytest|unittest)["']?""")


def commits(tree: list[Module], allowed: Set[str]) -> Iterator[str]:
    """Each call of `.commit()` in a module that is not the transaction edge."""
    for module in tree:
        for node in module.nodes if module.path not in allowed else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
                yield f"{module.path}:{node.lineno} commits: one edge does (docs/architecture.md, rule 1)"


def relative_imports(tree: list[Module]) -> Iterator[str]:
    """Each `from . import x`."""
    for module in tree:
        for node in module.nodes:
            if isinstance(node, ast.ImportFrom) and node.level:
                yield f"{module.path}:{node.lineno} imports relatively: write the full name"


def nameless_modules(tree: list[Module]) -> Iterator[str]:
    """Each module that is named after nothing."""
    for module in tree:
        if {"utils", "util", "helpers", "misc"} & set(module.name.split(".")):
            yield f"{module.path}: split it by noun or verb and name it after that"


def test_branches(tree: list[Module]) -> Iterator[str]:
    """Each place where production code could tell that it is under test."""
    for module in tree:
        for token in _tokens(module):
            if token.type in {tokenize.NAME, tokenize.STRING} and _TEST_WORD.fullmatch(token.string):
                yield f"{module.path}:{token.start[0]} knows of tests (docs/architecture.md, rule 10)"
        for line, target in imports(module, set()):
            if target.partition(".")[0] == "tests":
                yield f"{module.path}:{line} imports tests"


def unexplained_exceptions(tree: list[Module]) -> Iterator[str]:
    """Each noqa, type: ignore or pragma: no cover that does not say why, on its line."""
    for module in tree:
        for token in _tokens(module):
            found = _EXCUSE.search(token.string) if token.type == tokenize.COMMENT else None
            if found and len(re.findall(r"[A-Za-z]{2,}", found["rest"])) < 2:
                yield f"{module.path}:{token.start[0]} has a `{found['excuse']}` without its reason"


def long_files(tree: list[Module], most: int, exceptions: Mapping[str, str]) -> Iterator[str]:
    """Each file of more than `most` lines that is no listed exception, and each exception no longer needed."""
    lengths = {module.path: module.source.count("\n") for module in tree}
    for path, length in lengths.items():
        if length > most and path not in exceptions:
            yield f"{path} has {length} lines, more than {most}: split it by noun or verb"
    for path in exceptions:
        if lengths.get(path, 0) <= most:
            yield f"{path} is listed as a long file and is none"


def _tokens(module: Module) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(module.source).readline)
