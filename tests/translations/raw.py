"""Words that stand in the code without being said through `billing/core/i18n.py`."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, nodes

from tests.architecture.tree import Module

_SAYS = {"say", "say_plural"}
_READ_ALOUD = {"alt", "aria-label", "placeholder", "title"}
_WORD = re.compile(r"[A-Za-z]{2,}")
_SENTENCE = re.compile(r"^[A-Z][a-z]+\b|^[^<]*[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}")
_CODE = re.compile(r"[a-z_]+")
_NO_WORDS = {"BooleanField", "CSV", "Excel", "PDF", "RadioField", "kB"}
"""What is the same in every language, and the names of Flask-Security's fields."""

_STAFF_MACROS = {"audit_list", "event_table"}
"""They stand beside the others, and only staff pages use them."""


def raw_refusals(tree: list[Module]) -> Iterator[str]:
    """Each refusal, flash or action, and each refusal's title, whose words are not marked."""
    kinds = _kinds_of_refusal(tree)
    for module in tree:
        for node in module.nodes:
            if isinstance(node, ast.Call) and node.args and _is_literal(node.args[0]):
                if _name(node.func) in kinds | {"flash", "Action"}:
                    yield f"{module.path}:{node.lineno} says {ast.unparse(node.args[0])} in English only"
            elif isinstance(node, ast.ClassDef) and node.name in kinds:
                yield from (f"{module.path}:{line} says {words} in English only" for line, words in _raw_within(node))


def _kinds_of_refusal(tree: list[Module]) -> set[str]:
    classes = [node for module in tree for node in module.nodes if isinstance(node, ast.ClassDef)]
    kinds = {"Refusal"}
    while found := {node.name for node in classes if kinds & {_name(base) for base in node.bases}} - kinds:
        kinds |= found
    return kinds


def _raw_within(refusal: ast.ClassDef) -> Iterator[tuple[int, str]]:
    """The class's title, and what it gives to the __init__ above it."""
    for node in ast.walk(refusal):
        if isinstance(node, ast.Assign):
            targets = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else node.targets
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for target, value in zip(targets, values, strict=False):
                if _name(target) == "title" and _is_literal(value):
                    yield value.lineno, ast.unparse(value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            yield from ((value.lineno, ast.unparse(value)) for value in node.args[:1] if _is_literal(value))


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_literal(node.left) or _is_literal(node.right)
    if isinstance(node, ast.JoinedStr):
        return any(map(_is_literal, node.values))
    words = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return bool(_WORD.search(words)) and not _CODE.fullmatch(words)


def _name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def raw_templates(root: Path, templates: list[Path]) -> Iterator[str]:
    """Each run of text, spoken attribute and string with words in it that no `say` says."""
    parser = Environment(extensions=["jinja2.ext.do"], autoescape=True)
    for path in templates:
        place, source = path.relative_to(root).as_posix(), path.read_text()
        parsed = parser.parse(source)
        _drop_what_no_customer_reads(parsed)
        for words in (*_raw_text(parsed), *_raw_strings(parsed)):
            if set(_WORD.findall(words)) - _NO_WORDS:
                yield f"{place} says {words!r} in English only"


def _drop_what_no_customer_reads(parsed: nodes.Template) -> None:
    """Staff's macros, and the block that holds the name of a class."""
    for macro in parsed.find_all(nodes.Macro):
        if macro.name in _STAFF_MACROS:
            macro.body = []
    for block in parsed.find_all(nodes.Block):
        if block.name == "width":
            block.body = []


def _raw_text(parsed: nodes.Template) -> Iterator[str]:
    """What a reader would see or hear of the page if every expression were empty."""
    reader = _Reader()
    reader.feed("".join(data.data for data in parsed.find_all(nodes.TemplateData)))
    reader.close()
    yield from (" ".join(words.split()) for words in reader.found)


def _raw_strings(parsed: nodes.Template) -> Iterator[str]:
    said = {id(part) for call in parsed.find_all(nodes.Call) if _says(call) for part in call.find_all(nodes.Const)}
    for node in parsed.find_all(nodes.Const):
        if isinstance(node.value, str) and id(node) not in said and _SENTENCE.search(node.value):
            yield node.value


def _says(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name in _SAYS


class _Reader(HTMLParser):
    """Collects text between tags and the attributes that are read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("style", "script")
        self.found += [value for name, value in attrs if name in _READ_ALOUD and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)
