"""A study with a finished run, and its pixel cache."""

import pytest

from overread.images.cache.cache_build import build_cache
from overread.studies.study import Study


@pytest.fixture
def study(made_study: Study) -> Study:
    samples = made_study.samples()
    images = map(made_study.image_location, samples["image"])
    build_cache(made_study.pixels_path, dict(zip(samples["sample_id"], images, strict=True)), size_px=32)
    return made_study
