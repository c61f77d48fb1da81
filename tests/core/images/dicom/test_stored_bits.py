"""Which bits of a word are the value: made images, whose true values are known, behind tags that lie."""

import numpy as np
import pytest

from overread.images.dicom.stored_bits import stored_values

_SMOOTH = np.add.outer(np.arange(60) * 30, np.arange(70) * 30).astype(np.uint16)
"""From 0 to 3840, in steps of 30: 12 bits."""


def test_words_without_unused_bits_are_the_values():
    assert stored_values(_SMOOTH, 16, 15) is _SMOOTH
    assert (stored_values(_SMOOTH, 12, 11) == _SMOOTH).all()


@pytest.mark.parametrize("flags", [0x8000, 0x5000])
def test_bits_above_the_value_are_ignored(flags):
    words = _SMOOTH.copy()
    words[10:20, 10:30] |= flags
    assert (stored_values(words, 12, 11) == _SMOOTH).all()


def test_a_declared_overlay_is_ignored_even_where_it_looks_like_a_picture():
    words = _SMOOTH | (_SMOOTH & 0x0800) << 1
    assert (stored_values(words, 12, 11, has_overlay_bits=True) == _SMOOTH).all()


@pytest.mark.parametrize("bits_stored", [8, 10, 11])
def test_too_few_bits_stored_do_not_fold_the_picture(bits_stored):
    assert (stored_values(_SMOOTH, bits_stored, bits_stored - 1) == _SMOOTH).all()


@pytest.mark.parametrize("values", [_SMOOTH, _SMOOTH // 64])
def test_a_high_bit_above_the_bits_stored_shifts_the_values(values):
    assert (stored_values(values << 4, 12, 15) == values).all()


def test_bits_below_the_value_are_ignored():
    assert (stored_values((_SMOOTH << 2) | 3, 12, 13) == _SMOOTH).all()


def test_a_high_bit_that_no_word_bears_out_is_no_shift():
    assert (stored_values(_SMOOTH + 1, 12, 15) == _SMOOTH + 1).all()


@pytest.mark.parametrize("high_bit", [0, 5, 16, 200])
def test_a_high_bit_that_cannot_be_is_no_shift(high_bit):
    assert (stored_values(_SMOOTH, 12, high_bit) == _SMOOTH).all()


@pytest.mark.parametrize("high_bit", [11, 15])
def test_signs_are_carried_on(high_bit):
    values = _SMOOTH.astype(np.int16) - 2000
    words = (values & 0x0FFF) << (high_bit - 11)
    found = stored_values(words, 12, high_bit)
    assert found.dtype == np.int16
    assert (found == values).all()
