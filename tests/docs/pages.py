"""The documents: their blocks of code, their links, their headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

PROJECT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Document:
    """One Markdown file; `path` is relative to the root."""

    path: str
    text: str

    def blocks(self, *languages: str) -> list[str]:
        """The code in fenced blocks of these languages."""
        return [dedent(code) for language, code in _BLOCK.findall(self.text) if language in languages]

    def lines_to_type(self) -> Iterator[str]:
        """What the reader is told to type: in shell blocks, after `$` on consoles, between backticks in the text."""
        for code in self.blocks("sh"):
            yield from filter(None, (line.partition("#")[0].strip() for line in code.splitlines()))
        for code in self.blocks("console"):
            yield from (line[2:] for line in code.splitlines() if line.startswith("$ "))
        yield from _SPAN.findall(_BLOCK.sub("", self.text))

    def links(self) -> list[str]:
        """Where links and pictures outside of code lead."""
        return [first or second for first, second in _LINK.findall(_SPAN.sub("", _BLOCK.sub("", self.text)))]

    def anchors(self) -> set[str]:
        """What a link may name after #: a heading, written as GitHub does."""
        headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", self.text), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def document(path: str) -> Document:
    """The document at `path`, relative to the root."""
    return Document(path, (PROJECT / path).read_text())


def documents() -> list[Document]:
    """README.md and every page of docs/."""
    paths = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
    return [document(path.relative_to(PROJECT).as_posix()) for path in paths]
