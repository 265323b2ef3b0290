"""Work in threads comes back in order, is not done too far ahead, and fails aloud."""

import threading
import time

import pytest

from transfer.common import parallel


def test_results_come_in_the_order_of_the_items():
    def slow_at_first(number):
        time.sleep(0.02 if number < 2 else 0)
        return number * number

    assert list(parallel.ordered_map(slow_at_first, range(12), threads=4)) == [number * number for number in range(12)]


def test_work_is_done_in_other_threads_at_the_same_time():
    both = threading.Barrier(2, timeout=5)

    def meet(_):
        both.wait()
        return threading.current_thread()

    assert threading.current_thread() not in parallel.ordered_map(meet, range(2), threads=2)


@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (1, 2), (2, 2), (3, 4)])
def test_no_more_is_taken_than_may_wait(threads, ahead):
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    for used, _ in enumerate(parallel.ordered_map(str, items(), threads, ahead), start=1):
        # Those used already, and those that wait
        assert len(taken) <= used + threads * ahead - 1
    assert len(taken) == 50


def test_the_next_item_is_worked_on_while_one_is_used():
    begun = threading.Semaphore(0)

    def work(number):
        begun.release()
        return number

    results = parallel.ordered_map(work, range(3), threads=1, ahead=2)
    assert next(results) == 0
    assert begun.acquire(timeout=5)
    assert begun.acquire(timeout=5)
    assert list(results) == [1, 2]


def test_an_exception_comes_where_its_result_would_have():
    def fails_at_three(number):
        if number == 3:
            raise OSError("three")
        return number

    found = []
    with pytest.raises(OSError, match="three"):
        for result in parallel.ordered_map(fails_at_three, range(10), threads=2):
            found.append(result)
    assert found == [0, 1, 2]


def test_leaving_early_ends_the_work():
    done = []

    def work(number):
        done.append(number)
        time.sleep(0.01)

    results = parallel.ordered_map(work, range(1000), threads=1, ahead=50)
    next(results)
    results.close()
    assert len(done) <= 3


def test_nothing_to_do_gives_nothing():
    assert list(parallel.ordered_map(str, [])) == []
