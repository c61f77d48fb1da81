"""The true labels of a demo study are those that were drawn, and of another study there are none."""

import pytest

from overread.demo.demo_truth import demo_truth
from overread.demo.image_sets import chest_truth, tiles_truth, write_chest, write_tiles
from overread.studies.study import open_study, update_study_file
from tests.core.importing import import_source, read_source


@pytest.mark.parametrize(("write", "truth"), [(write_chest, chest_truth), (write_tiles, tiles_truth)])
def test_the_truth_of_a_demo_is_what_was_drawn(tmp_path, write, truth):
    write(tmp_path / "source", num_images=40)
    import_source(read_source(tmp_path / "source"), tmp_path / "study", image_size_px=32, is_demo=True)
    study = open_study(tmp_path / "study")
    samples = study.samples()
    true = truth(40).set_index("image")["true_label"]
    expected = dict(zip(samples["sample_id"], samples["image"].map(true), strict=True))
    assert demo_truth(study) == expected
    assert len(expected) == 40
    assert demo_truth(update_study_file(study.path, is_demo=False)) == {}


def test_a_demo_of_another_seed_has_no_known_truth(tmp_path):
    write_chest(tmp_path / "source", num_images=40, seed=1)
    import_source(read_source(tmp_path / "source"), tmp_path / "study", image_size_px=32, is_demo=True)
    assert demo_truth(open_study(tmp_path / "study")) == {}
