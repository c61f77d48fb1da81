import os

import numpy as np
import pytest
from PIL import Image

from overread.benchmark.corrupt import corrupt_study
from overread.checks.report import check_study
from overread.errors import ManifestError, StudyError
from overread.images.cache.pixel_cache import open_cache
from overread.images.decoding import read_image
from overread.sources.import_roots import LINK_LEADS_OUT
from overread.studies.changed_images import changed_images
from overread.studies.preview import preview_source
from overread.studies.study import open_study
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source

NAMES = ("cat/a.png", "cat/b.png", "dog/a.png", "dog/b.png")


@pytest.fixture
def snapshot(tmp_path):
    """A data set as in the cache of huggingface_hub: relative links to files that are named for their contents."""
    folder = tmp_path / "hub" / "datasets--me--pets" / "snapshots" / "0a1b"
    for seed, name in enumerate(NAMES):
        written = write_image(tmp_path / "made" / name, seed, side_px=16)
        blob = folder.parents[1] / "blobs" / f"{seed:040x}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        written.rename(blob)
        (folder / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "train" / name).symlink_to(os.path.relpath(blob, (folder / "train" / name).parent))
    return folder


def imported(source, study, **asked):
    summary = import_source(read_source(source, **asked), study, image_size_px=32)
    return summary, open_study(study)


def reasons_in(study):
    return {row.image: row.reason for row in study.quarantine().itertuples()}


def test_files_that_are_links_out_of_the_source_are_read_if_links_are_followed(snapshot, tmp_path):
    with pytest.raises(ManifestError, match=r"all images of cat, dog \(train/cat/a\.png\); give --follow-links"):
        imported(snapshot, tmp_path / "study")
    assert not (tmp_path / "study").exists()
    summary, study = imported(snapshot, tmp_path / "study", follow_links=True)
    assert (summary.num_samples, summary.num_quarantined, summary.classes) == (4, 0, ("cat", "dog"))
    assert study.follows_links
    for image in study.samples()["image"]:
        seed = NAMES.index(image.removeprefix("train/"))
        pixels = np.random.default_rng(seed).integers(0, 256, (16, 16), dtype=np.uint8)
        assert np.array_equal(np.squeeze(read_image(study.image_location(image)).pixels), pixels)
    assert len(open_cache(study.pixels_path).keys) == 4


def test_class_folders_on_another_disk_are_read_if_links_are_followed(tmp_path):
    for seed, name in enumerate(NAMES):
        write_image(tmp_path / "other" / name, seed)
    source = tmp_path / "source"
    source.mkdir()
    for name in ("cat", "dog"):
        (source / name).symlink_to(tmp_path / "other" / name)
    with pytest.raises(ManifestError, match="give --follow-links"):
        preview_source(read_source(source))
    assert preview_source(read_source(source, follow_links=True)).num_images == 4
    assert imported(source, tmp_path / "study", follow_links=True)[0].num_samples == 4


def test_single_links_out_of_the_source_are_quarantined_and_links_within_are_read(class_folders, tmp_path):
    outside = write_image(tmp_path / "outside" / "secret.png", 77)
    (class_folders / "cat" / "far.png").symlink_to(outside)
    (class_folders / "dog" / "near.png").symlink_to(write_image(class_folders / "dog" / "real.png", 78))
    (class_folders / "dog" / "twice.png").symlink_to(class_folders / "cat" / "far.png")
    (class_folders / "dog" / "folder").symlink_to(outside.parent)
    (class_folders / "dog" / "none.png").symlink_to(tmp_path / "outside" / "none.png")
    _, study = imported(class_folders, tmp_path / "study")
    assert reasons_in(study) == dict.fromkeys(
        ["cat/far.png", "dog/folder/secret.png", "dog/none.png", "dog/twice.png"],
        "a link leads out of the source; --follow-links reads it",
    )
    assert "dog/near.png" in set(study.samples()["image"])


def test_a_class_that_is_behind_links_is_not_lost_among_the_quarantined_rows(class_folders, tmp_path):
    write_image(tmp_path / "other" / "eel.png", 77)
    (class_folders / "eel").symlink_to(tmp_path / "other")
    with pytest.raises(ManifestError, match=r"all images of eel \(eel/eel\.png\); give --follow-links"):
        imported(class_folders, tmp_path / "study")
    assert imported(class_folders, tmp_path / "study", follow_links=True)[0].classes == ("cat", "dog", "eel")


def test_broken_links_are_quarantined_and_loops_end(class_folders, tmp_path):
    write_image(tmp_path / "other" / "eel.png", 77)
    (tmp_path / "other" / "back").symlink_to(class_folders)
    (class_folders / "dog" / "other").symlink_to(tmp_path / "other")
    (class_folders / "dog" / "gone.png").symlink_to(tmp_path / "other" / "gone.png")
    summary, study = imported(class_folders, tmp_path / "study", follow_links=True)
    assert reasons_in(study) == {"dog/gone.png": "the link leads to no file"}
    assert summary.num_samples == 6
    assert "links to a folder that contains them were not followed: 1" in summary.messages


def test_links_are_followed_only_below_the_roots(snapshot, tmp_path):
    asked = {"follow_links": True, "within": (snapshot,)}
    with pytest.raises(ManifestError, match=r"links lead out of the source to all images of cat, dog") as error:
        imported(snapshot, tmp_path / "study", **asked)
    assert error.value.public == LINK_LEADS_OUT
    asked["within"] = (tmp_path / "hub",)
    assert imported(snapshot, tmp_path / "study", **asked)[0].num_samples == 4


def test_an_update_needs_the_flag_again(snapshot, tmp_path):
    _, study = imported(snapshot, tmp_path / "study", follow_links=True)
    with pytest.raises(StudyError, match="links out of the source were followed; give --follow-links again"):
        import_source(read_source(snapshot), study.path, update=True)
    again = import_source(read_source(snapshot, follow_links=True), study.path, update=True)
    assert (again.num_samples, again.num_quarantined) == (4, 0)


def test_a_changed_file_behind_a_link_is_noticed(snapshot, tmp_path):
    _, study = imported(snapshot, tmp_path / "study", follow_links=True)
    assert changed_images(study) == {}
    image = study.samples().iloc[0]
    blob = (snapshot / image["image"]).resolve()
    Image.new("L", (16, 16), 7).save(blob, "PNG")
    assert changed_images(study) == {image["sample_id"]: "changed"}
    assert "changed_image" in {finding.kind for finding in check_study(study)}


def test_the_images_of_a_corrupted_study_are_files_and_no_links(snapshot, tmp_path):
    _, study = imported(snapshot, tmp_path / "study", follow_links=True)
    truth = tmp_path / "truth.csv"
    made = corrupt_study(study, noise="symmetric", rate=0.5, seed=0, out=tmp_path / "noisy", truth=truth)
    assert not made.follows_links
    for image in made.samples()["image"]:
        assert not made.image_location(image).path.is_symlink()
        assert np.squeeze(read_image(made.image_location(image)).pixels).shape == (16, 16)
