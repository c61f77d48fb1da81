import numpy as np
import pandas as pd

from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from overread.studies.sample_groups import (
    duplicate_group_numbers,
    read_duplicate_groups,
    sample_groups,
    write_duplicate_groups,
)
from tests.app.made_study import write_study
from tests.core.checks.samples import made_samples


def together(samples, pictures=()):
    """Sets of ids in one group, by walking from sample to sample."""
    groups = sample_groups(samples, pictures)
    return {frozenset(samples["sample_id"][groups == number]) for number in np.unique(groups)}


def test_patients_slides_and_pictures_link_samples_also_by_way_of_others():
    samples = made_samples(
        list("abcdefg"), ["x"] * 7, patients=["p", "p", "", "", "", "", "q"], slides=["", "s", "s", "", "t", "t", ""]
    )
    linked = {frozenset({"id0", "id1", "id2"}), frozenset({"id4", "id5"}), frozenset({"id3"}), frozenset({"id6"})}
    assert together(samples) == linked
    linked = {frozenset({"id0", "id1", "id2", "id3", "id6"}), frozenset({"id4", "id5"})}
    assert together(samples, [("id2", "id3"), ("id6", "id0")]) == linked


def test_groups_do_not_follow_the_order_of_the_rows():
    rng = np.random.default_rng(0)
    samples = made_samples(list("abcdefghij"), ["x"] * 10, patients=[str(k) for k in rng.integers(0, 4, 10)])
    shuffled = samples.sample(frac=1, random_state=1)
    groups = pd.Series(sample_groups(samples, [("id1", "id2")]), index=samples["sample_id"])
    again = pd.Series(sample_groups(shuffled, [("id1", "id2")]), index=shuffled["sample_id"])
    assert again.loc[groups.index].tolist() == groups.tolist()


def test_a_picture_s_number_is_its_place_and_a_sample_alone_has_none():
    assert duplicate_group_numbers(list("abcde"), [("c", "a"), ("e", "x")]).tolist() == [0, -1, 0, -1, 1]


def test_pictures_are_read_as_written_until_images_or_table_change(tmp_path):
    study = write_study(tmp_path, num_samples=8, has_run=False)
    fill_cache(study)
    cache = open_cache(study.pixels_path)
    assert read_duplicate_groups(study, cache) is None
    groups = [cache.keys[:2], cache.keys[4:7]]
    write_duplicate_groups(study, cache, groups)
    assert (study.path / "groups.csv").read_text().splitlines()[:2] == ["sample_id,group", f"{cache.keys[0]},0"]
    assert read_duplicate_groups(study, cache) == groups
    image = study.samples()["image"][0]
    (tmp_path / "images" / image).write_bytes((tmp_path / "images" / study.samples()["image"][1]).read_bytes())
    fill_cache(study)
    assert read_duplicate_groups(study, open_cache(study.pixels_path)) is None
    write_duplicate_groups(study, open_cache(study.pixels_path), groups)
    with (study.path / "groups.csv").open("a") as file:
        file.write(f"{cache.keys[7]},1\n")
    assert read_duplicate_groups(study, open_cache(study.pixels_path)) is None


def fill_cache(study):
    images = {row.sample_id: study.image_location(row.image) for row in study.samples().itertuples()}
    assert build_cache(study.pixels_path, images, size_px=32) == {}
