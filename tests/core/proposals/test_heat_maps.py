import json
import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from overread.models.network import Network
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.proposals.heat_maps import heat_maps, read_saliency, saliency_path
from overread.studies.run import open_run
from overread.studies.study import open_study
from tests.core.commands import TINY, import_source, run_command

SIDE_PX = 64
PATCH_PX = 20


def patched(num, seed):
    """Images of grey noise with a patch of stripes, lying in class 0 and standing in class 1; labels; corners."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.5 + 0.05 * torch.randn(num, 1, SIDE_PX, SIDE_PX, generator=generator)
    labels = torch.arange(num) % 2
    corners = torch.randint(SIDE_PX - PATCH_PX, (num, 2), generator=generator)
    stripes = 0.4 * torch.sin(torch.arange(PATCH_PX) * 1.5)
    for image, label, (top, left) in zip(images, labels, corners.tolist(), strict=True):
        patch = stripes[:, None] if label == 0 else stripes[None, :]
        image[0, top : top + PATCH_PX, left : left + PATCH_PX] += patch
    return images.clamp(0, 1), labels, corners.tolist()


@pytest.fixture(scope="module")
def trained():
    """A narrow network that has learnt to tell the patches apart."""
    images, labels, _ = patched(160, seed=0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mean, std = images.mean(dim=(0, 2, 3)), images.std(dim=(0, 2, 3))
        network = Network("narrow", mean=mean, std=std, num_classes=2, projection_size=8)
        optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
        for _ in range(8):
            for batch in torch.randperm(160).split(32):
                optimizer.zero_grad()
                F.cross_entropy(network(images[batch]), labels[batch]).backward()
                optimizer.step()
    return network.eval()


def test_the_heat_lies_where_what_makes_the_class_is(trained):
    images, labels, corners = patched(40, seed=1)
    with torch.inference_mode():
        assert (trained(images).argmax(dim=1) == labels).float().mean() > 0.9
    shares = []
    for image, label, (top, left) in zip(images, labels, corners, strict=True):
        (heat,) = heat_maps(trained, image[None], [int(label)], size_px=SIDE_PX)
        middle = heat[max(top - 4, 0) : top + PATCH_PX + 4, max(left - 4, 0) : left + PATCH_PX + 4]
        shares.append(middle.sum() / max(heat.sum(), 1e-9))
    area = (PATCH_PX + 8) ** 2 / SIDE_PX**2
    assert np.median(shares) > 3 * area, (np.median(shares), area)


def test_a_class_that_the_network_does_not_see_has_the_fainter_map(trained):
    images, labels, _ = patched(40, seed=2)
    maps = np.stack([heat_maps(trained, image[None], [0, 1], size_px=SIDE_PX) for image in images])
    assert maps.min() >= 0
    np.testing.assert_allclose(maps.max(axis=(1, 2, 3)), 1, rtol=1e-6)
    heat = maps.sum(axis=(2, 3))
    assert (heat.argmax(axis=1) == labels.numpy()).mean() > 0.9


def test_maps_are_the_gradient_weighted_sums_of_the_layer_that_is_seven_pixels_wide_at_least(trained):
    image = patched(1, seed=3)[0]
    # Grad-CAM by hand: the third block of the narrow encoder has 8 x 8 maps at 64 px.
    x = trained.encoder.stem((image - trained.mean) / trained.std)
    layer = trained.encoder.blocks[:3](x).detach().requires_grad_()
    assert layer.shape == (1, 64, 8, 8)
    trained.head(trained.encoder.blocks[3:](layer).mean(dim=(2, 3)))[0, 1].backward()
    expected = np.zeros((8, 8))
    for channel in range(64):
        expected += layer.grad[0, channel].mean().item() * layer[0, channel].detach().numpy()
    expected = expected.clip(0)
    (found,) = heat_maps(trained, image, [1], size_px=8)
    np.testing.assert_allclose(found, expected / expected.max(), rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saliency")
    study = import_source(folder)
    train_study(study, TrainRequest(assignments=tuple(TINY[1::2])))
    return study


def test_the_network_is_trained_when_maps_are_first_asked_for_and_the_maps_are_kept_beside_it(study):
    run = open_run(study)
    assert not (run.path / "model.safetensors").exists()
    row = run.scores().iloc[5]
    assert read_saliency(run, row.sample_id) is None
    ended = run_command("saliency", study.path, row.sample_id, "--json")
    assert ended.status == 0, ended.err
    found = read_saliency(run, row.sample_id)
    assert found.labels == tuple(dict.fromkeys((row.given_label, row.proposed_label)))
    assert found.maps.shape == (len(found.labels), 32, 32)
    assert 0 <= found.maps.min() <= found.maps.max() <= 1
    assert saliency_path(run, row.sample_id).parent == run.path / "saliency"
    content = (run.path / "model.safetensors").read_bytes()
    assert run_command("saliency", study.path, run.scores()["sample_id"][6]).status == 0
    assert (run.path / "model.safetensors").read_bytes() == content


def test_what_cannot_be_looked_at_is_said_to_be_so(study, tmp_path):
    ended = run_command("saliency", study.path, "../../key")
    assert ended.status == 2
    assert "has no such sample; use an id from its scores.csv" in ended.err
    copy = open_study(shutil.copytree(study.path, tmp_path / "study"))
    config_path = open_run(copy).path / "config.json"
    config_path.write_text(json.dumps(json.loads(config_path.read_text()) | {"samples_digest": "of others"}))
    (open_run(copy).path / "model.safetensors").unlink(missing_ok=True)
    ended = run_command("saliency", copy.path, open_run(copy).scores()["sample_id"][0])
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "its samples have changed since run" in ended.err
