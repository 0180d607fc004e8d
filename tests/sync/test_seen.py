"""Ids that have been seen: told apart from others, in memory that does not grow with them."""

import tracemalloc

from billing.sync.seen import Seen


def test_what_was_seen_is_not_missing() -> None:
    with Seen() as seen:
        seen.add(f"cus_{number}" for number in range(0, 3000, 2))
        seen.add(["cus_0"])
        assert seen.missing([f"cus_{number}" for number in range(1200)]) == [f"cus_{n}" for n in range(1, 1200, 2)]
        assert seen.missing(["CUS_0", "cus_2'; --"]) == ["CUS_0", "cus_2'; --"], "letters are what they are"
        assert seen.missing([]) == []


def peak(count: int) -> int:
    """The most bytes that are held while so many ids come, a page at a time."""
    tracemalloc.start()
    with Seen() as seen:
        for page in range(0, count, 100):
            seen.add(f"cus_{number:020}" for number in range(page, page + 100))
        seen.missing([f"cus_{number:020}" for number in range(1000)])
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


def test_ten_times_as_many_take_the_same_memory() -> None:
    peak(100)
    assert peak(40_000) < peak(4_000) * 1.5
