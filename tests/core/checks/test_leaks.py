import numpy as np
import pytest

from overread.checks.leaks import check_names, check_splits
from tests.core.checks.samples import made_samples

RNG = np.random.default_rng(0)


def kinds(findings):
    return [finding.kind for finding in findings]


def chaoyang_names(codes):
    numbers = RNG.integers(100_000, 999_999, len(codes))
    return [f"train/{n}_4-IMG{n % 900:03d}x{n % 31:03d}-{code}.JPG" for n, code in zip(numbers, codes, strict=True)]


def kermany_names(causes):
    """person7_virus_21.jpeg of the ill, IM-0115-0001.jpeg or NORMAL2-IM-1427-0001.jpeg of the well."""
    names = []
    for number, cause in enumerate(causes):
        well = f"IM-{number:04d}-0001.jpeg" if number % 2 else f"NORMAL2-IM-{number:04d}-0001.jpeg"
        names.append(f"person{number // 3}_{cause}_{number}.jpeg" if cause else well)
    return names


def test_a_label_at_the_end_of_the_name_is_found():
    codes = RNG.integers(0, 4, 120)
    labels = [("normal", "serrated", "adenocarcinoma", "adenoma")[code] for code in codes]
    (finding,) = check_names(made_samples(chaoyang_names(codes), labels))
    assert (finding.kind, finding.severity, finding.count) == ("label_in_name", "error", 120)
    assert "100.0%" in finding.message


def test_a_cause_that_tells_the_label_is_found():
    causes = [("", "bacteria", "virus")[i % 3] for i in range(90)]
    labels = ["PNEUMONIA" if cause else "NORMAL" for cause in causes]
    assert kinds(check_names(made_samples(kermany_names(causes), labels))) == ["label_in_name"]


def test_a_name_that_is_right_for_four_samples_of_five_is_no_finding():
    codes = RNG.integers(0, 4, 200)
    labels = [str(code if i % 5 else (code + 1) % 4) for i, code in enumerate(codes)]
    assert check_names(made_samples(chaoyang_names(codes), labels)) == []


@pytest.mark.parametrize(
    "names",
    [
        [f"{i:06d}.png" for i in range(200)],
        [f"images/{i}.png" for i in range(200)],
        [f"{a:x}-{b:x}.png" for a, b in RNG.integers(0, 1 << 31, (200, 2))],
        [f"patient{i // 4}_view{i % 4}.dcm" for i in range(200)],
        [f"{i % 7}.png" for i in range(200)],
        ["scan.png"] * 200,
        [""] * 200,
    ],
    ids=["padded numbers", "numbers", "random", "patients", "repeated numbers", "one name", "no name"],
)
def test_names_that_tell_nothing_are_no_finding(names):
    labels = RNG.choice(["cat", "dog", "eel"], 200)
    assert check_names(made_samples(names, labels)) == []


def test_a_name_that_guesses_the_commonest_class_of_an_uneven_set_is_no_finding():
    labels = ["ill"] * 4 + ["well"] * 196
    names = [f"{'ab'[i % 2]}_{i}.png" for i in range(200)]  # either letter is right in 98 % of the samples
    assert check_names(made_samples(names, labels)) == []


def test_a_folder_per_class_is_worth_a_word_and_no_more():
    labels = ["cat", "dog"] * 20
    images = [f"{label}/{i:04d}.png" for i, label in enumerate(labels)]
    (finding,) = check_names(made_samples(images, labels))
    assert (finding.kind, finding.severity) == ("label_in_folder", "info")


def test_patients_and_slides_in_two_splits_are_named_by_number():
    samples = made_samples(
        [f"{i}.png" for i in range(7)],
        ["cat"] * 7,
        patients=["p1", "p1", "p2", "p2", "", "", "p3"],
        slides=["", "", "s1", "s1", "s2", "s2", "s2"],
        splits=["train", "test", "train", "train", "train", "test", "test"],
    )
    patient, slide = check_splits(samples)
    assert (patient.kind, patient.severity, patient.count) == ("patient_across_splits", "error", 1)
    assert patient.samples == ("id0", "id1")
    assert (slide.kind, slide.count, slide.samples) == ("slide_across_splits", 1, ("id4", "id5", "id6"))
    assert "p1" not in patient.message


def test_patients_in_train_and_val_are_a_warning_and_those_without_a_split_are_trained_on():
    samples = made_samples(
        [f"{i}.png" for i in range(8)],
        ["cat"] * 8,
        patients=["p1", "p1", "p2", "p2", "p3", "p3", "p4", "p4"],
        splits=["train", "val", "train", "", "", "test", "val", "test"],
    )
    found = {finding.kind: (finding.severity, finding.samples) for finding in check_splits(samples)}
    assert found == {
        "patient_across_splits": ("error", ("id4", "id5", "id6", "id7")),
        "patient_across_other_splits": ("warning", ("id0", "id1")),
    }


def test_samples_of_unknown_patients_are_no_one_patient():
    assert check_splits(made_samples(["a", "b"], ["cat", "dog"], splits=["train", "test"])) == []
