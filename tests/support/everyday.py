"""The everyday suite (`make test`): three minutes instead of everything (`make test-all`, and `make test` under CI).

What it leaves out is decided here. pytest itself runs all it is asked for, unless `--everyday` is said.
"""

from collections import Counter
from typing import Any

import pytest

_SAMPLES = {
    "postgres": (
        "PostgreSQL, where SQLite tells the same",
        ("tests/core/", "tests/harness/", "tests/sync/test_concurrency.py"),
    ),
    "browser": ("Chromium", ("tests/browser/test_journey.py", "tests/browser/test_harness.py")),
}
"""By mark: what is left out of it, and where the sample is that is kept."""


def left_out(item: pytest.Item) -> str | None:
    """What the everyday suite leaves a test out for; None for one that it runs."""
    if item.get_closest_marker("long"):
        return "long stories and proofs"
    for mark, (words, kept) in _SAMPLES.items():
        if item.get_closest_marker(mark) and not item.nodeid.startswith(kept):
            return words
    return None


class Everyday:
    """A plugin that leaves them out, and says so in the summary."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    @pytest.hookimpl(trylast=True)  # folders mark their tests first
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        reasons = {item: reason for item in items if (reason := left_out(item))}
        self.counts = Counter(reasons.values())
        config.hook.pytest_deselected(items=list(reasons))
        items[:] = [item for item in items if item not in reasons]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A worker of xdist tells the one who writes the summary, who collects nothing itself."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["left_out"] = dict(self.counts)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.counts = Counter(getattr(node, "workeroutput", {}).get("left_out", self.counts))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line, and one for each reason."""
        terminalreporter.write_line(f"The everyday suite: {self.counts.total()} tests are left to `make test-all`.")
        for reason, count in sorted(self.counts.items()):
            terminalreporter.write_line(f"{count} left out: {reason}")
