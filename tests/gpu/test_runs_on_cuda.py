import numpy as np
import pytest
import torch

from overread.images.cache.pixel_cache import open_cache
from overread.models.user_encoders.open_encoder import open_encoder
from overread.proposals.heat_maps import heat_maps, read_saliency
from overread.training.feature_source import open_features
from overread.training.new_network import new_network
from tests.core.commands import TINY as TINY_FLAGS
from tests.core.commands import import_source, run_command
from tests.core.models.user_encoders.made_folders import IMAGENET, write_folder
from tests.core.models.user_encoders.plain_vit import Shape, huggingface_state, timm_state
from tests.core.pipeline.runs import only_run
from tests.core.training.conftest import SIDE_PX, TINY, made_data

pytestmark = pytest.mark.gpu

SMALL = ("--set", "model.encoder=narrow", "--set", "model.image_size_px=32")


def test_a_run_has_heat_maps_by_the_network_that_its_training_left(tmp_path, cuda):
    """The maps themselves are always computed on the CPU."""
    study = import_source(tmp_path)
    trained = run_command("train", study.path, "--preset", "quick", "--device", cuda.type, *TINY_FLAGS, *SMALL)
    assert trained.status == 0, trained.err
    row = only_run(study).scores().iloc[5]
    ended = run_command("saliency", study.path, row.sample_id)
    assert ended.status == 0, ended.err
    found = read_saliency(only_run(study), row.sample_id)
    assert found.labels == tuple(dict.fromkeys((row.given_label, row.proposed_label)))
    assert found.maps.max() == 1 and found.maps.min() >= 0


def test_a_heat_map_is_that_of_the_cpu(cuda):
    data = made_data()
    network = new_network(data, TINY, seed=0)
    image = data.images(torch.tensor([3]))
    expected = heat_maps(network, image, [0, 1], size_px=SIDE_PX)
    found = heat_maps(network.to(cuda), image.to(cuda), [0, 1], size_px=SIDE_PX)
    assert expected.max() == 1
    np.testing.assert_allclose(found, expected, atol=1e-2)


def test_a_study_is_trained_on_a_user_s_encoder_with_the_features_that_it_has_on_the_cpu(tmp_path, cuda):
    study = import_source(tmp_path)
    folder = write_folder(
        tmp_path / "encoder",
        huggingface_state(timm_state(Shape()), "vit"),
        config={"model_type": "vit", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        | {"image_size": 32, "patch_size": 8, "intermediate_size": 64},
        preprocessor_config={"size": {"shortest_edge": 36}, "crop_size": 32, **IMAGENET},
    )
    arguments = ("--device", cuda.type, "--encoder", folder, *TINY_FLAGS, *SMALL)
    ended = run_command("train", study.path, *arguments)
    assert ended.status == 0, ended.err
    run = only_run(study)
    assert run.config()["features"] == open_encoder(folder).identity()
    cache = open_cache(study.pixels_path)
    pixels = cache.pixels[[cache.keys.index(key) for key in run.scores()["sample_id"]]]
    source = open_features(study.samples(), embeddings=None, backbone=None, encoder=folder, cache_size_px=32)
    expected = source.compute(pixels, device=torch.device("cpu"), precision="fp32")
    np.testing.assert_allclose(run.embeddings(), expected, rtol=2e-2, atol=1e-2)
