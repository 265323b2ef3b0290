"""Work done ahead in threads, in order and within bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int = os.cpu_count() or 1,
    ahead: int = 2,
    together: int = 1,
) -> Iterator[Result]:
    """`map(function, items)` in threads: results in the order of the items, with bounded work in waiting.

    Args:
        ahead: how many groups of items wait for each thread, at most.
        together: how many items are a group, which a thread works on at a time. Where an item takes a fraction of a
            millisecond, handing each over by itself would take longer than the work.
    """
    remaining = iter(items)
    groups = iter(lambda: list(islice(remaining, together)), [])

    def work(group: list[Item]) -> list[Result]:
        return [function(item) for item in group]

    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[list[Result]]] = deque()
        try:
            for group in groups:
                pending.append(pool.submit(work, group))
                if len(pending) >= threads * ahead:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
