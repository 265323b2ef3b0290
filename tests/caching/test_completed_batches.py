"""Completed batches: a batch counts only while the arrays hold what was recorded; records reach the disk in time."""

from pathlib import Path

import numpy as np

from transfer.caching.completed_batches import CompletedBatches

LOG = Path("log")
FIRST, SECOND = np.arange(0, 3), np.arange(3, 5)


def open_log(images=5, views=2):
    """The array on disk and the log beside it, as a new process opens them."""
    mode = "r+" if Path("array.npy").exists() else "w+"
    array = np.lib.format.open_memmap("array.npy", mode, shape=(images, views))
    return array, CompletedBatches(LOG, [array])


def test_a_batch_is_complete_only_while_its_rows_hold_what_was_recorded():
    array, completed = open_log()
    for rows, view in [(SECOND, 0), (FIRST, 1)]:
        array[rows, view] = rows + 10 * view
        completed.add(rows, view)
    assert not CompletedBatches(LOG, [array]).contains(SECOND, 0)
    completed.flush()
    array, completed = open_log()
    contained = [completed.contains(rows, view) for view in (0, 1) for rows in (FIRST, SECOND)]
    assert contained == [False, True, True, False]
    array[4, 0] = 7
    assert not completed.contains(SECOND, 0)
    assert completed.contains(FIRST, 1)


def test_rows_of_zeros_are_complete_only_if_they_were_recorded():
    _, completed = open_log()
    assert not completed.contains(FIRST, 0)
    completed.add(FIRST, 0)
    completed.flush()
    assert open_log()[1].contains(FIRST, 0)


def test_records_are_flushed_in_time(clock):
    _, completed = open_log()
    completed.add(FIRST, 0)
    assert not open_log()[1].contains(FIRST, 0)
    clock.now += 9
    completed.add(SECOND, 0)
    assert open_log()[1].contains(FIRST, 0) and open_log()[1].contains(SECOND, 0)
