"""The images that a training takes from a study."""

import json
import shutil

import numpy as np
import pytest
import torch

from overread.config import preset_settings
from overread.errors import StudyError
from overread.images.cache.pixel_cache import open_cache
from overread.pipeline.run_inputs import run_inputs
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.studies.study import open_study
from tests.core.commands import CLASSES
from tests.core.pipeline.runs import ASSIGNMENTS, only_run, scores_of
from tests.core.rewriting import rewrite_samples


def training_data(study):
    settings = preset_settings("quick", device="cpu", has_bf16=False, cache_size_px=study.image_size_px, num_samples=72)
    return run_inputs(study, study.samples(), None, settings, None).training_data(settings, torch.device("cpu"))


def test_pixels_follow_the_order_of_the_samples_whatever_that_of_the_cache_and_whatever_else_it_holds(study):
    samples = study.samples().sample(frac=0.8, random_state=0)
    rewrite_samples(study, samples)
    data, cache = training_data(study), open_cache(study.pixels_path)
    assert len(data.given) == len(samples) < len(cache.keys)
    for place, row in enumerate(samples.itertuples()):
        expected = cache.pixels[cache.keys.index(row.sample_id)]
        np.testing.assert_array_equal(data.pixels[place].permute(1, 2, 0).numpy(), expected)
        assert CLASSES[data.given[place]] == row.given_label
        assert data.is_trained[place] == (row.split != "test")


def test_a_pixel_cache_that_was_deleted_is_made_anew(study):
    before = training_data(study).pixels
    shutil.rmtree(study.pixels_path)
    assert (training_data(study).pixels == before).all()


def test_images_that_are_gone_with_the_cache_are_said_to_be(study, tmp_path):
    shutil.rmtree(study.pixels_path)
    fields = json.loads((study.path / "study.json").read_text())
    (study.path / "study.json").write_text(json.dumps({**fields, "source_root": str(tmp_path / "elsewhere")}))
    with pytest.raises(StudyError, match="72 of its images can no longer be read; import it again with --update"):
        training_data(open_study(study.path))


def test_a_full_pixel_cache_is_all_that_a_training_reads(ready, study):
    fields = json.loads((study.path / "study.json").read_text())
    (study.path / "study.json").write_text(json.dumps({**fields, "source_root": "/nowhere"}))
    run = train_study(open_study(study.path), TrainRequest(assignments=tuple(ASSIGNMENTS)))
    assert scores_of(run) == scores_of(only_run(ready))
