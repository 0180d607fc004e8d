"""The queue's own tables."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from billing.core import queue
from billing.core.errors import Misconfigured
from billing.core.queue import Queue
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


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("sqlite:////nonexistent/queue.sqlite3", "in the file /nonexistent/queue.sqlite3"),
        ("postgresql://billing:hunter2@127.0.0.1:1/billing", "on postgresql at 127.0.0.1"),
        ("postgresql://billing:hun/ter2@127.0.0.1:1/billing", "on postgresql at billing"),
        ("redis://:hunter2@127.0.0.1:1/0", "on redis at 127.0.0.1"),
    ],
)
def test_who_consumes_a_queue_that_is_away_is_told_which_and_no_password(url: str, place: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Queue(Flask("bare"), url, "away", print, lambda: None).consume(1)
    assert str(refused.value).startswith(f"EVENT_PROCESSING: the queue {place} cannot be reached (")
    assert "ter2" not in str(refused.value)
