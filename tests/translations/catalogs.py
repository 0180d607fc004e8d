"""`make translations`: brings each .po up to date with the words in the code, and says what is still to translate."""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from billing.core.i18n import LANGUAGES, TRANSLATIONS
from tests.architecture.tree import PROJECT

KEYWORDS = {
    "N_": None,
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "say": None,
    "say_plural": (1, 2),
}
"""What marks words, in Python and in templates."""

ENGLISH_ONLY = ("templates/billing/admin/", "templates/sandbox/", "billing/sandbox/", "billing/admin/", "billing/cli/")
"""Staff, developers: who reads these reads English."""

_PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|</?\w+")


def translated() -> list[str]:
    """The languages that have a catalog: all but the source."""
    return [language for language in LANGUAGES if language != "en"]


def path(language: str) -> Path:
    """Where the words of `language` are."""
    return TRANSLATIONS / f"{language}.po"


def read(language: str) -> Catalog:
    """The catalog of `language` as it stands."""
    return read_po(BytesIO(path(language).read_bytes()), locale=language)


def extracted() -> Catalog:
    """Every word that is marked in the code, and where."""
    catalog = Catalog(charset="utf-8")
    for source, method in _sources():
        place = source.relative_to(PROJECT).as_posix()
        for _line, message, _comments, context in extract_from_file(method, str(source), keywords=KEYWORDS):
            catalog.add(message, locations=[(place, 0)], context=context)
    return catalog


def _sources() -> Iterator[tuple[Path, str]]:
    found = [(path, "python") for path in (PROJECT / "billing").rglob("*.py")]
    for pattern in ("*.html", "*.txt"):
        found += [(path, "jinja2.ext:babel_extract") for path in (PROJECT / "templates").rglob(pattern)]
    for path, method in sorted(found):
        if not path.relative_to(PROJECT).as_posix().startswith(ENGLISH_ONLY):
            yield path, method


def updated(language: str) -> Catalog:
    """The catalog of `language` with what the code says now: new words empty, dropped words gone, nothing guessed."""
    catalog = read(language)
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def written(catalog: Catalog) -> bytes:
    """The file: by place in the code, without line numbers and dates, so that it changes only where words do."""
    body = BytesIO()
    write_po(body, catalog, width=0, omit_header=True, include_lineno=False, sort_by_file=True, include_previous=False)
    head = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    return head.encode() + body.getvalue()


def problems(catalog: Catalog) -> Iterator[str]:
    """Each word that is not translated, or whose translation names other values or tags than the English."""
    for message in catalog:
        if not message.id:
            continue
        english, said = forms(message.id), forms(message.string)
        if not all(said) or message.fuzzy:
            yield f"{catalog.locale}: {english[0]!r} is not translated"
        for number, text in enumerate(said):
            wanted, found = _marks(english[min(number, len(english) - 1)]), _marks(text)
            if text and wanted != found:
                yield f"{catalog.locale}: {text!r} has {found}, its English {wanted}"


def forms(text: str | list[str] | tuple[str, ...] | None) -> list[str]:
    """A message's text, or its texts for one and for many."""
    return [text or ""] if isinstance(text, str | None) else list(text)


def _marks(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


def main() -> int:
    """Update the files and name what is left to translate. Returns the exit status: 1 if anything is."""
    found: list[str] = []
    for language in translated():
        catalog = updated(language)
        path(language).write_bytes(written(catalog))
        found += problems(catalog)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
