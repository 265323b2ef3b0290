"""Work in threads: results in order, not too far ahead, exceptions passed on."""

import threading
import time

import pytest

from transfer.common import parallel


def test_results_have_the_order_of_the_items():
    def square_slowly_at_first(number):
        time.sleep(0.02 if number < 2 else 0)
        return number * number

    assert list(parallel.ordered_map(square_slowly_at_first, range(12), threads=4)) == [
        number * number for number in range(12)
    ]


def test_items_are_worked_on_in_other_threads_at_the_same_time():
    both = threading.Barrier(2, timeout=5)

    def meet(_):
        both.wait()
        return threading.current_thread()

    assert threading.current_thread() not in parallel.ordered_map(meet, range(2), threads=2)


@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (1, 2), (2, 2), (3, 4)])
def test_no_more_items_are_taken_than_may_wait(threads, ahead):
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    for used, _ in enumerate(parallel.ordered_map(str, items(), threads, ahead), start=1):
        # The results used already, and those that wait.
        assert len(taken) <= used + threads * ahead - 1
    assert len(taken) == 50


@pytest.mark.parametrize("together", [1, 3, 12, 50])
def test_items_that_are_worked_on_together_keep_their_order_and_share_a_thread(together):
    results = list(parallel.ordered_map(lambda item: (item, threading.get_ident()), range(12), 4, 2, together))
    assert [item for item, _ in results] == list(range(12))
    for start in range(0, 12, together):
        assert len({thread for _, thread in results[start : start + together]}) == 1


def test_the_next_item_is_worked_on_while_a_result_is_used():
    started = threading.Semaphore(0)

    def work(number):
        started.release()
        return number

    results = parallel.ordered_map(work, range(3), threads=1, ahead=2)
    assert next(results) == 0
    assert started.acquire(timeout=5)
    assert started.acquire(timeout=5)
    assert list(results) == [1, 2]


def test_an_exception_is_raised_in_the_place_of_its_result():
    def fail_at_three(number):
        if number == 3:
            raise OSError("three")
        return number

    results = []
    with pytest.raises(OSError, match="three"):
        for result in parallel.ordered_map(fail_at_three, range(10), threads=2):
            results.append(result)
    assert results == [0, 1, 2]


def test_closing_the_iterator_ends_the_work():
    worked_on = []

    def work(number):
        worked_on.append(number)
        time.sleep(0.01)

    results = parallel.ordered_map(work, range(1000), threads=1, ahead=50)
    next(results)
    results.close()
    assert len(worked_on) <= 3


def test_no_items_give_no_results():
    assert list(parallel.ordered_map(str, [])) == []
