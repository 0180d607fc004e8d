"""The queue's own tables."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from billing.core import queue
from tests.support.databases import postgres_copy, why_no_postgres
from tests.support.wants import missing


@pytest.mark.postgres
def test_processes_that_start_together_on_a_new_database_all_find_their_queue() -> None:
    if why := why_no_postgres():
        missing("PostgreSQL", why)
    count = 4
    together = Barrier(count)

    def waiting(url: str) -> int:
        together.wait()
        return queue.count_waiting(url, "new")

    with postgres_copy() as url, ThreadPoolExecutor(count) as starting:
        assert list(starting.map(waiting, [url] * count)) == [0] * count
