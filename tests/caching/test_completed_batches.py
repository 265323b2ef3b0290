"""Completed batches: a batch counts only while the array holds what was recorded; records reach the disk in time."""

from pathlib import Path

import numpy as np

from transfer.caching.completed_batches import CompletedBatches

LOG = Path("log")
# The parts of an array of 10 values that each batch fills.
BATCHES = [slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 10)]


def open_log():
    """The array on disk and the log beside it, as a new process opens them."""
    mode = "r+" if Path("array.npy").exists() else "w+"
    array = np.lib.format.open_memmap("array.npy", mode, shape=(10,))
    return array, CompletedBatches(LOG, array.flush)


def contained():
    array, completed = open_log()
    return [completed.contains(number, [array[part]]) for number, part in enumerate(BATCHES)]


def test_a_batch_is_complete_only_while_its_part_holds_what_was_recorded():
    array, completed = open_log()
    for number in (2, 1):
        array[BATCHES[number]] = number
        completed.add(number, [array[BATCHES[number]]])
    assert contained() == [False] * 4
    completed.flush()
    assert contained() == [False, True, True, False]
    array[4] = 7
    assert contained() == [False, False, True, False]


def test_another_division_into_batches_makes_none_of_them_complete():
    array, completed = open_log()
    array[:] = np.arange(10)
    completed.add(0, [array[:3]])
    completed.flush()
    assert not open_log()[1].contains(0, [array[:4]])
    assert not open_log()[1].contains(1, [array[:3]])


def test_zeros_are_complete_only_if_they_were_recorded():
    array, completed = open_log()
    assert not completed.contains(0, [array[:3]])
    completed.add(0, [array[:3]])
    completed.flush()
    assert contained() == [True, False, False, False]


def test_records_are_flushed_in_time(clock):
    array, completed = open_log()
    completed.add(0, [array[:3]])
    assert contained() == [False] * 4
    clock.now += 9
    completed.add(1, [array[3:6]])
    assert contained() == [True, True, False, False]
