import pytest

from overread.checks.unknown_patients import check_unknown_patients
from tests.core.checks.samples import made_samples


def named(pattern, num_patients=8, num_each=3):
    """Names of images, by patient."""
    return [
        pattern.format(patient=patient, image=image) for patient in range(num_patients) for image in range(num_each)
    ]


def samples_of(images, **columns):
    """Of two classes, which alternate by patients of three images."""
    return made_samples(images, ["cat" if number // 3 % 2 else "dog" for number in range(len(images))], **columns)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("{patient:08d}_{image:03d}.png", "file names"),
        ("cat/IM-{patient:04d}-0001-{image:04d}.jpeg", "file names"),
        ("person{patient}_virus_{image}.jpeg", "file names"),
        ("P{patient} ({image}).png", "file names"),
        ("{patient}_{image}_left.jpeg", "file names"),
        ("cat/patient{patient}/{image}.png", "folders"),
        ("p10/p1000{patient:04d}/s5/{image}.dcm", "folders"),
    ],
)
def test_patients_that_names_or_folders_suggest_are_counted(pattern, what):
    (finding,) = check_unknown_patients(samples_of(named(pattern)))
    assert (finding.kind, finding.severity, finding.count) == ("patients_guessed", "warning", 24)
    assert finding.message.startswith(f"24 samples have no patient, but {what} suggest 8 patients; give their column")


def test_left_and_right_eyes_are_of_one_patient():
    images = [f"{patient}_{eye}.jpeg" for patient in range(10) for eye in ("left", "right")]
    (finding,) = check_unknown_patients(samples_of(images))
    assert "suggest 10 patients" in finding.message


def test_guessed_patients_in_several_splits_are_counted_and_listed_without_their_names():
    splits = ["train"] * 20 + ["test"] * 4
    (finding,) = check_unknown_patients(samples_of(named("ann{patient}_{image}.png"), splits=splits))
    assert "suggest 8 patients, 1 of whom are in several splits" in finding.message
    assert finding.samples == ("id18", "id19", "id20")
    assert "ann" not in finding.message


@pytest.mark.parametrize(
    "images",
    [
        named("{patient}{image}.png"),
        named("ISIC_00{patient}{image}.jpg"),
        named("cat/IMG ({patient}{image}).png"),
        named("scan-{patient}-{image}.png", num_patients=24, num_each=1),
        named("grade2_{patient}{image}.png"),
        named("images_001/{patient}{image}.png"),
    ],
    ids=lambda images: images[0],
)
def test_names_that_tell_no_groups_suggest_no_patients(images):
    assert check_unknown_patients(samples_of(images)) == []


def test_folders_that_are_the_classes_are_no_patients():
    labels = [f"{number:03d}" for number in range(8) for _ in range(3)]
    assert check_unknown_patients(made_samples([f"{label}/a.png" for label in labels], labels)) == []


def test_only_samples_without_patient_and_slide_are_guessed():
    images = named("{patient}_{image}.png", num_patients=16)
    patients = [f"p{number // 3}" for number in range(24)] + [""] * 24
    (finding,) = check_unknown_patients(samples_of(images, patients=patients))
    assert finding.message.startswith("24 samples have no patient, but file names suggest 8 patients")
    assert check_unknown_patients(samples_of(images, slides=["s"] * 48)) == []


def test_unknown_patients_of_a_source_with_splits_are_told():
    samples = made_samples(["a", "b"], ["cat", "dog"], splits=["train", "test"])
    (finding,) = check_unknown_patients(samples)
    assert (finding.kind, finding.severity) == ("groups_unknown", "info")
    assert check_unknown_patients(made_samples(["a", "b"], ["cat", "dog"])) == []
