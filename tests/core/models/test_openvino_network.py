import numpy as np
import pytest
import torch
from torch import nn

from overread.models.backbones import Backbone, backbone_features

pytest.importorskip("openvino")
from overread.models.openvino_network import load_compiled

CPU = torch.device("cpu")
PIXELS = np.random.default_rng(0).integers(0, 256, (70, 32, 32, 3), dtype=np.uint8)
"""More than a batch of images."""


def small_backbone(mean=0.5):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Backbone(layers.eval(), 4, 32, (mean,) * 3, (0.5,) * 3, "bicubic")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def features_of(backbone):
    return backbone_features(PIXELS, backbone, device=CPU, precision="fp32")


def not_loaded():
    raise AssertionError("what is in the cache was loaded anew")


def test_a_network_is_converted_once_and_then_read_from_the_cache_with_its_input(folder):
    expected = features_of(small_backbone(mean=0.25))
    first = load_compiled("small", lambda: small_backbone(mean=0.25))
    second = load_compiled("small", not_loaded)
    for found in (first, second):
        np.testing.assert_allclose(features_of(found), expected, rtol=1e-4, atol=1e-5)
    assert (second.mean, second.std, second.size_px, second.num_features) == ((0.25,) * 3, (0.5,) * 3, 32, 4)
    assert len(list(folder.iterdir())) == 1


def test_another_network_has_another_place(folder):
    load_compiled("small", small_backbone)
    with pytest.raises(AssertionError, match="loaded anew"):
        load_compiled("other", not_loaded)


def test_a_cache_that_cannot_be_written_costs_only_time(folder):
    folder.write_text("a file where the folder would be")
    expected = features_of(small_backbone())
    np.testing.assert_allclose(features_of(load_compiled("small", small_backbone)), expected, rtol=1e-4, atol=1e-5)


def test_a_damaged_cache_is_converted_anew(folder):
    load_compiled("small", small_backbone)
    (model,) = folder.glob("*/model.xml")
    model.write_text("cut sh")
    expected = features_of(small_backbone())
    np.testing.assert_allclose(features_of(load_compiled("small", small_backbone)), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(features_of(load_compiled("small", not_loaded)), expected, rtol=1e-4, atol=1e-5)
