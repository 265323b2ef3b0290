"""Shards: an array in many files behaves like the array, and depends on the digests and the order of its rows alone."""

import hashlib
import resource

import numpy as np
import pytest

from transfer.interface.errors import UserError
from transfer.loading import shards
from transfer.loading.shards import ShardWriter, create_shards, open_shards

GENERATOR = np.random.default_rng(0)


def digests_of(count, start=0):
    return [hashlib.sha256(str(number).encode()).hexdigest()[:16] for number in range(start, start + count)]


def write(folder, digests, array):
    writer = ShardWriter(folder, len(digests), array.shape[1:], array.dtype)
    for digest, row in zip(digests, array, strict=True):
        writer.append(digest, row)
    writer.finish()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("images", "bits"),
    [(1, 0), (16, 0), (17, 1), (32, 1), (33, 2), (64, 2), (65, 3), (937, 6), (1024, 6), (1025, 7), (80_000, 13)],
)
def test_a_shard_has_between_8_and_16_rows_on_average(images, bits):
    assert shards.shard_bits(images) == bits
    assert images / 2**bits <= 16 and (bits == 0 or images / 2**bits > 8)


def test_the_first_bits_of_a_digest_name_the_shard():
    assert [shards.shard_number("8000000000000000", bits) for bits in (0, 1, 4)] == [0, 1, 8]
    assert [shards.shard_number("7fffffffffffffff", bits) for bits in (0, 1, 4)] == [0, 0, 7]
    names = [shards.shard_name(*numbers) for numbers in [(0, 0), (1, 1), (9, 4), (9, 5), (255, 8), (255, 9)]]
    assert names == ["0.npy", "1.npy", "9.npy", "09.npy", "ff.npy", "0ff.npy"]


@pytest.mark.parametrize("count", [1, 16, 17, 200])
def test_it_is_indexed_like_an_array(tmp_path, count):
    array = GENERATOR.normal(size=(count, 3, 5)).astype(np.float32)
    digests = digests_of(count)
    write(tmp_path / "a", digests, array)
    opened = open_shards(tmp_path / "a", digests, (3, None))
    assert (len(opened), opened.shape, opened.dtype) == (count, array.shape, np.float32)
    rows, views = GENERATOR.integers(0, count, 50), GENERATOR.integers(0, 3, 50)
    for key in (
        *(0, np.int64(count - 1), (0, 2), slice(None), slice(1, None, 2), slice(5, 5), (slice(2), 1)),
        *(rows, (rows, 1), (rows, views), rows[:0], (rows[:0], 1)),
    ):
        np.testing.assert_array_equal(opened[key], array[key])


def test_each_shard_is_a_npy_file_with_its_rows_in_their_order(tmp_path):
    digests, array = digests_of(100), np.arange(100)
    write(tmp_path / "a", digests, array)
    expected = {}
    for digest, value in zip(digests, array, strict=True):
        # 100 images need 8 shards: three bits, which the first hexadecimal digit has.
        expected.setdefault(f"{int(digest[0], 16) // 2}.npy", []).append(value)
    files = {path.name: np.load(path).tolist() for path in (tmp_path / "a").iterdir()}
    assert files == expected


def test_rows_written_by_index_give_the_same_bytes(tmp_path):
    digests, array = digests_of(40), GENERATOR.normal(size=(40, 2, 3)).astype(np.float32)
    write(tmp_path / "a", digests, array)
    created = create_shards(tmp_path / "b", digests, (2, 3), np.float32)
    order = created.by_shard()
    assert sorted(order) == list(range(40)) and (np.diff(created.numbers[order]) >= 0).all()
    for rows in np.array_split(order, 7):
        for view in (1, 0):
            created[rows, np.full(len(rows), view)] = array[rows, view]
    created.flush()
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_what_an_earlier_process_left_is_kept(tmp_path):
    digests = digests_of(20)
    created = create_shards(tmp_path / "a", digests, (2,), np.float32)
    created[np.array([7]), np.array([1])] = [5]
    created.flush()
    # A kill may leave a file of another length, and a failing disk another beginning.
    path, _ = next(created.files())
    path.write_bytes(path.read_bytes() + b"more")
    with path.open("r+b") as file:
        file.write(b"damaged")
    again = create_shards(tmp_path / "a", digests, (2,), np.float32)
    assert again[7].tolist() == [0, 5] and again[:].sum() == 5


def test_one_per_cent_of_new_images_changes_few_shards(tmp_path):
    old, new = digests_of(4000), digests_of(40, start=4000)
    for name, digests in (("old", old), ("new", sorted(old + new))):
        write(tmp_path / name, digests, np.array([int(digest[:8], 16) for digest in digests]))
    write(tmp_path / "sorted", sorted(old), np.array([int(digest[:8], 16) for digest in sorted(old)]))
    before, after = contents(tmp_path / "sorted"), contents(tmp_path / "new")
    changed = [name for name in after if after[name] != before.get(name)]
    assert changed and {name for name in changed} == {shards.shard_name(int(digest[:2], 16), 8) for digest in new}
    assert len(changed) / len(after) < 0.16


def test_open_shards_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_most_open", lambda: 3)
    digests, array = digests_of(300), np.arange(300)
    write(tmp_path / "a", digests, array)
    opened = open_shards(tmp_path / "a", digests, ())
    for _ in range(2):
        assert opened[:].tolist() == array.tolist()
        assert len(opened._open) == len(opened._maps) == 3
    created = create_shards(tmp_path / "b", digests, (1,), np.int64)
    created[np.arange(300), 0] = array[:, None][:, 0]
    assert open_shards(tmp_path / "b", digests, (1,))[:, 0].tolist() == array.tolist()


def test_as_many_shards_may_be_open_as_the_system_allows(monkeypatch):
    limits = {"now": (1024, 20_000)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, values: limits.update(now=values))
    assert shards._most_open.__wrapped__() == 20_000 // 3
    limits["now"] = (1024, resource.RLIM_INFINITY)
    assert shards._most_open.__wrapped__() == shards.MOST_OPEN

    def refuse(kind, values):
        raise ValueError("current limit exceeds maximum limit")

    limits["now"] = (300, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert shards._most_open.__wrapped__() == 100


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "3.npy").unlink(), r"3\.npy is missing: run `dvc repro` to make it"),
        (lambda folder: (folder / "0.npy").unlink(), r"0\.npy is missing: run `dvc repro` to make it"),
        (
            lambda folder: (folder / "8.npy").touch(),
            r"8\.npy is not one of the files that belong there: remove .*a, and",
        ),
        (
            lambda folder: (folder / "5.npy").write_bytes(b"short"),
            r"5\.npy cannot be read \(it has 5 bytes in place of",
        ),
        (lambda folder: (folder / "0.npy").write_bytes(b"short"), r"0\.npy cannot be read"),
    ],
)
def test_what_does_not_belong_together_is_named(tmp_path, damage, message):
    digests = digests_of(100)
    write(tmp_path / "a", digests, np.arange(100))
    damage(tmp_path / "a")
    with pytest.raises(UserError, match=message):
        open_shards(tmp_path / "a", digests, ())


def test_a_shard_of_another_type_is_named_when_it_is_needed(tmp_path):
    digests = digests_of(100)
    write(tmp_path / "a", digests, np.arange(100))
    path = tmp_path / "a/4.npy"
    np.save(path, np.load(path).astype(np.float64))
    opened = open_shards(tmp_path / "a", digests, ())
    with pytest.raises(UserError, match=r"4\.npy cannot be read \(it is not an array of the expected shape\)"):
        opened[:]


@pytest.mark.parametrize("digest", ["", "zz" * 8, "00" * 7, "00" * 9, "-1" * 8, "AA" * 8])
def test_a_damaged_digest_is_named(tmp_path, digest):
    digests = digests_of(3)
    write(tmp_path / "a", digests, np.arange(3))
    with pytest.raises(UserError, match="has an index with digests that are damaged: make it again"):
        open_shards(tmp_path / "a", [*digests[:2], digest], ())
