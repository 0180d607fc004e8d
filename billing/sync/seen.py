"""Which of a million ids have been seen, without holding them in memory."""

import sqlite3
from collections.abc import Collection, Iterable
from types import TracebackType
from typing import Self

_AT_ONCE = 500


class Seen:
    """A set of ids in a file of SQLite's own that nobody else sees, and that is gone once this is left."""

    def __enter__(self) -> Self:
        self._file = sqlite3.connect("")  # without a name it is temporary, and on disk once it outgrows a small cache
        self._file.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, ids: Iterable[str]) -> None:
        """These have been seen."""
        self._file.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ((each,) for each in ids))

    def missing(self, ids: Collection[str]) -> list[str]:
        """Those of the ids that have not been seen, in their order."""
        wanted, known = list(ids), set[str]()
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            known.update(row[0] for row in self._file.execute(f"SELECT id FROM seen WHERE id IN ({marks})", some))  # noqa: S608  # marks only
        return [each for each in wanted if each not in known]
