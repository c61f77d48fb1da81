import subprocess
import sys

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


def test_a_signal_is_handled_after_networks_came_and_went(folder):
    """On a CPU with AMX units OpenVINO gives the main thread a stack for its signals."""
    script = (
        "import mmap, signal\n"
        "from tests.core.models.test_openvino_network import load_compiled, small_backbone\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('handled'))\n"
        "first = load_compiled('small', small_backbone)\n"
        "second = load_compiled('small', small_backbone)\n"
        "del first, second\n"
        "memory = [mmap.mmap(-1, 4096, prot=mmap.PROT_READ) for _ in range(2000)]  # takes the place of what is gone\n"
        "signal.raise_signal(signal.SIGTERM)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "handled\n")
