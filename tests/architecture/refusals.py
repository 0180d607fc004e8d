"""Every refusal is tested for its words: what a person is told was provoked, and read, in some test."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Set

from tests.architecture.tree import Module

_BELOW_PAGES = re.compile(r"billing/(core|gateway|domain|sync)/")
_PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\}")
_LONGEST_RUN = 3

Run = tuple[str, ...]


def unread_refusals(tree: list[Module], tests: list[Module], no_refusals: Set[str]) -> Iterator[str]:
    """Each sentence of a refusal that no test quotes by three words in a row: those of its that fewest others share.

    Such are the sentences that are raised, that an error's base is made with and that a request is aborted with. What
    is returned to whoever raises it counts too: every translated sentence below the pages, but in `no_refusals`.
    """
    told = [(module.path, *found) for module in tree for found in _told(module, module.path in no_refusals)]
    sharing = Counter(run for sentence in {sentence for _, _, sentence in told} for run in set(_runs(sentence)))
    quoted = {run for module in tests for run in _quoted(module)}
    for path, line, sentence in told:
        fewest = min(sharing[run] for run in _runs(sentence))
        if not any(run in quoted for run in _runs(sentence) if sharing[run] == fewest):
            yield f"{path}:{line} refuses in words that no test reads: {sentence}"


def _told(module: Module, only_raised: bool) -> Iterator[tuple[int, str]]:
    """Line and text of each sentence of a refusal, once; it is one from three words on."""
    found: dict[tuple[int, str], None] = {}
    for node in module.nodes:
        texts: list[str] = []
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Raise) or called in {"super().__init__", "abort"}:
            texts = list(_texts(node))
        elif called in {"_", "N_", "ngettext"} and _BELOW_PAGES.match(module.path) and not only_raised:
            texts = [text for text in _texts(node) if text.endswith(".")]
        line = getattr(node, "lineno", 0)
        found |= {(line, text): None for text in texts if sum(map(len, _split(text))) >= _LONGEST_RUN}
    yield from found


def _texts(node: ast.AST) -> Iterator[str]:
    """What is written in `node`: each f-string is one text, with `{}` for what it fills in."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


def _split(text: str) -> list[list[str]]:
    """The words of the text, apart where something is filled in."""
    return [re.findall(r"\w+", piece) for piece in _PLACEHOLDER.split(text)]


def _runs(text: str, longest: int = _LONGEST_RUN) -> list[Run]:
    """The text's words, `longest` in a row, or as many as come together anywhere in it."""
    pieces = _split(text)
    size = min(longest, max(map(len, pieces)))
    return [tuple(piece[start : start + size]) for piece in pieces for start in range(len(piece) - size + 1)]


def _quoted(module: Module) -> Iterator[Run]:
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for size in range(1, _LONGEST_RUN + 1):
                yield from _runs(node.value, size)
