import numpy as np

from overread.checks.exact_duplicates import check_duplicates, exact_duplicate_groups
from tests.core.checks.samples import made_samples


def found(groups, **columns):
    samples = made_samples([f"{i}.png" for i in range(6)], columns.pop("labels", ["cat"] * 6), **columns)
    return {finding.kind: (finding.severity, finding.samples) for finding in check_duplicates(samples, groups)}


def test_images_that_are_the_same_to_the_bit_are_a_group():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    pixels[3] = pixels[5] = pixels[0]
    pixels[4] = pixels[1]
    pixels[4, 0, 0, 0] += 1  # all but the same
    assert exact_duplicate_groups(pixels, list("abcdef")) == [("a", "d", "f")]


def test_duplicates_of_one_label_in_one_split_are_a_warning():
    assert found([("id0", "id3")]) == {"duplicate": ("warning", ("id0", "id3"))}


def test_duplicates_under_two_labels_or_in_two_splits_are_errors():
    groups = [("id0", "id1"), ("id2", "id3"), ("id4", "id5")]
    labels, splits = ["cat", "dog", "cat", "cat", "cat", "cat"], ["train"] * 3 + ["test"] + ["train"] * 2
    assert found(groups, labels=labels, splits=splits) == {
        "duplicate": ("warning", ("id0", "id1", "id2", "id3", "id4", "id5")),
        "duplicate_conflict": ("error", ("id0", "id1")),
        "duplicate_across_splits": ("error", ("id2", "id3")),
    }


def test_duplicates_in_train_and_val_leave_the_test_split_alone():
    splits = ["train", "val", "", "train", "", "test"]
    assert found([("id0", "id1"), ("id2", "id3"), ("id4", "id5")], splits=splits) == {
        "duplicate": ("warning", ("id0", "id1", "id2", "id3", "id4", "id5")),
        "duplicate_across_splits": ("error", ("id4", "id5")),
        "duplicate_across_other_splits": ("warning", ("id0", "id1")),
    }


def test_images_of_the_cache_that_are_no_samples_any_more_do_not_count():
    assert found([("id0", "gone"), ("id1", "id2", "gone too")]) == {"duplicate": ("warning", ("id1", "id2"))}
