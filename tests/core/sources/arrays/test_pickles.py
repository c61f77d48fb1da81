import io
import os
import pickle
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overread.sources.arrays.pickles import PickleError, read_pickle

# As Python 2 wrote CIFAR's batches: str for text and bytes alike, numpy's old names.
PYTHON_2 = (
    b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(K\x06K\x09eU\x04data"
    b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85U\x01b\x87Rq\x08(K\x01K\x02K\x03\x86"
    b"cnumpy\ndtype\nq\x09U\x02u1K\x00K\x01\x87Rq\x0a(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b"\x89U\x06\x00\x7f\x80\xff\x01\x02tbu."
)
VALUE = {
    "data": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "label": np.array([3, 1]),
    "big endian": np.array([3, 1], dtype=">i2"),
    "names": ["café", "x" * 300],
    "filenames": [b"a.png", b""],
    "counts": [0, -1, 70_000, 2**40],
    "nothing": (None, True, (), (1, 2, 3, 4)),
}

seeded = settings(max_examples=300, deadline=None, derandomize=True)


def read(data: bytes):
    return read_pickle(io.BytesIO(data), len(data))


class Runs:
    """Makes a file where Python's own unpickler reads it."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_value_comes_back_as_python_s_own_unpickler_gives_it(protocol):
    value = {**VALUE, "filenames": [b"a.png"] if protocol == 2 else VALUE["filenames"]}
    data = pickle.dumps(value, protocol)
    found, expected = read(data), pickle.loads(data)
    assert list(found) == list(expected)
    for key, part in expected.items():
        if isinstance(part, np.ndarray):
            assert (found[key].dtype.kind, found[key].itemsize) == (part.dtype.kind, part.itemsize)
            np.testing.assert_array_equal(found[key], part)
        else:
            assert found[key] == part


def test_a_pickle_of_python_2_is_read_as_latin_1():
    found, expected = read(PYTHON_2), pickle.loads(PYTHON_2, encoding="latin1")
    assert (found["batch_label"], found["labels"]) == ("training batch 1 of 5", [6, 9])
    np.testing.assert_array_equal(found["data"], expected["data"])
    np.testing.assert_array_equal(found["data"], [[0, 127, 128], [255, 1, 2]])


def test_an_array_around_everything_is_taken_off():
    data = pickle.dumps(np.array({"label": np.arange(3)}, dtype=object))
    np.testing.assert_array_equal(read(data)["label"], np.arange(3))


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_runs_a_command_is_refused_and_nothing_runs(protocol, tmp_path):
    with pytest.raises(PickleError, match=r"it names \w+\.mkdir, which is not allowed and was not run"):
        read(pickle.dumps({"data": Runs(tmp_path / "made")}, protocol))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"data": np.array([{}, {}])}, "an array of objects"),
        ({"data": np.array({}, dtype=object)}, "an array of objects"),
        (np.array([{}]), "an array of objects"),
        ({"data": np.array(["a"])}, "an array of 'U1'"),
        ({"data": np.zeros(2, dtype=[("a", "u1")])}, "an array of 'V1'"),
        ({"data": np.zeros(2, dtype="M8[s]")}, "an array of 'M8'"),
        ({"data": np.float32(1)}, "it names numpy._core.multiarray.scalar"),
        ({"data": {1, 2}}, "EMPTY_SET"),
        ({1: 2}, "keys are no text"),
        ({"label": 1.5}, "BINFLOAT"),
        ({"type": np.ndarray}, "not allowed"),
    ],
)
def test_what_is_not_admitted_is_named(value, message):
    with pytest.raises(PickleError, match=message):
        read(pickle.dumps(value, 4))


def test_an_array_that_claims_more_than_its_data_is_refused():
    data = pickle.dumps({"data": np.zeros((2, 3), np.uint8)}, 4)
    assert b"K\x02K\x03\x86" in data
    huge = data.replace(b"K\x02K\x03\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86")
    with pytest.raises(PickleError, match="size is not that of its data"):
        read(huge)


@pytest.mark.parametrize("opcode", [b"\x8e", b"\x96", b"\x8d"])  # BINBYTES8, BYTEARRAY8, BINUNICODE8
def test_a_length_beyond_the_file_allocates_nothing(opcode):
    with pytest.raises(PickleError, match="truncated"):
        read(b"\x80\x05" + opcode + struct.pack("<Q", 2**60) + b"x.")


def test_a_memo_cannot_make_a_pickle_grow():
    call = b"h\x00h\x01X\x06\x00\x00\x00latin1\x86R"
    data = b"\x80\x02c_codecs\nencode\nq\x00X\xff\xff\x00\x00" + b"x" * 65535 + b"q\x01]" + call * 200 + b"."
    with pytest.raises(PickleError, match="larger than its file"):
        read(data)


def test_a_place_in_the_memo_far_beyond_the_others_is_refused():
    with pytest.raises(PickleError, match="damaged"):  # Python's unpickler would ask for 32 GiB
        read(b"\x80\x02]r\xff\xff\xff\x7f.")


def test_tuples_within_tuples_without_end_are_refused():
    with pytest.raises(PickleError, match="more than 10000 tuples"):  # their hash would end the process
        read(b"\x80\x02})" + b"\x85" * 10**6 + b"Ns.")


@pytest.mark.parametrize(
    "change",
    [
        b"}U\x04callU\x04evils",  # BUILD with a dict
        b")U\x01|\x86",  # and with what a dtype takes
    ],
)
@pytest.mark.parametrize("name", [b"numpy\nndarray", b"numpy\ndtype", b"_codecs\nencode"])
def test_what_a_pickle_names_cannot_be_changed(name, change):
    with pytest.raises(PickleError, match="changes something that is not allowed"):
        read(b"\x80\x02c" + name + b"\n" + change + b"b.")
    assert read(pickle.dumps([b"a"], 2)) == [b"a"]


def test_an_array_cannot_be_made_by_its_own_name():
    with pytest.raises(PickleError, match="calls something that is not allowed"):
        read(b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85\x85R.")


@pytest.mark.parametrize("protocol", [0, 1])
def test_older_protocols_are_refused(protocol):
    with pytest.raises(PickleError, match="not allowed"):
        read(pickle.dumps(VALUE, protocol))


def test_every_shorter_pickle_is_refused():
    for length in range(len(PYTHON_2)):
        with pytest.raises(PickleError):
            read(PYTHON_2[:length])


@seeded
@given(
    protocol=st.sampled_from([2, 3, 4, 5]),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_mutated_pickle_gives_plain_values_or_a_pickle_error(protocol, changes):
    data = bytearray(pickle.dumps({key: VALUE[key] for key in ("data", "label", "names", "counts")}, protocol))
    for place, byte in changes:
        data[place % len(data)] = byte
    with suppress(PickleError):
        value = read(bytes(data))
        assert type(value) in (dict, list, tuple, str, bytes, bytearray, int, bool, type(None), np.ndarray)


@seeded
@given(data=st.binary(max_size=60))
@example(data=b"P\\\x00\n")  # an escape that Python does not know
def test_any_bytes_give_a_value_or_a_pickle_error(data):
    with suppress(PickleError):
        read(b"\x80\x04" + data + b".")
