import numpy as np
import pytest
import torch

from overread.config import PRESETS, override_settings
from overread.models.augment import simclr_view, strong_augment
from overread.network_settings import ENCODERS
from overread.phases import plan_phases
from overread.training import streamed_pixels
from overread.training.device import choose_device, has_bf16_units
from overread.training.engine import Training
from overread.training.epochs import predict
from overread.training.new_network import new_network
from overread.training.plain_training import train_on_labels
from overread.training.progress_log import ProgressLog
from overread.training.training_data import TrainingData, load_pixels
from tests.core.commands import TINY as TINY_FLAGS
from tests.core.commands import import_source, run_command
from tests.core.pipeline.runs import only_run
from tests.core.training.conftest import SIDE_PX, TINY, made_data

pytestmark = pytest.mark.gpu


class Killed(Exception):
    """Stands for the end of a process between two epochs."""


def on(cuda, data):
    return TrainingData(data.pixels.to(cuda), data.given, data.is_trained, data.num_classes)


def training(folder, data, settings, listener=None):
    folder.mkdir(exist_ok=True)
    progress = ProgressLog(folder / "progress.jsonl", plan_phases(settings), listener)
    return Training(data, settings, 0, progress, folder / "state.pt")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_study_is_trained_with_each_preset(tmp_path, cuda, preset):
    study = import_source(tmp_path)
    sizes = ("--set", "model.encoder=narrow", "--set", "model.image_size_px=32")
    ended = run_command("train", study.path, "--preset", preset, "--device", cuda.type, *TINY_FLAGS, *sizes)
    assert ended.status == 0, ended.err
    assert len(only_run(study).scores()) == len(study.samples())


def test_a_run_that_was_killed_ends_as_one_that_was_not(tmp_path, cuda):
    choose_device(cuda.type)  # deterministic convolutions
    data = on(cuda, made_data())
    whole = training(tmp_path / "whole", data, TINY)
    expected = whole.run()
    killed = training(tmp_path / "killed", data, TINY)
    after, epochs = killed._after_epoch, []

    def end_in_the_sixth(phase, epoch):
        epochs.append(epoch)
        if len(epochs) == 6:
            raise Killed
        after(phase, epoch)

    killed._after_epoch = end_in_the_sixth
    with pytest.raises(Killed):
        killed.run()
    resumed = training(tmp_path / "killed", data, TINY)
    found = resumed.run()
    np.testing.assert_allclose(np.stack(found.stage_probs), np.stack(expected.stage_probs), atol=1e-3)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_each_encoder_learns_in_each_precision(cuda, encoder, precision):
    if precision == "bf16" and not has_bf16_units(cuda):
        pytest.skip("this GPU has no bf16 units")
    settings = override_settings(TINY, [f"model.encoder={encoder}", f"model.precision={precision}"])
    data = on(cuda, made_data(num_samples=128))
    network = train_on_labels(data, settings, num_epochs=12, seed=0)
    probs = predict(network, data, precision=precision)
    assert np.isfinite(probs).all()
    assert (probs.argmax(axis=1) == data.given).mean() > 0.8


def test_a_network_says_on_the_gpu_what_it_says_on_the_cpu(cuda):
    data = made_data()
    network = new_network(data, TINY, seed=0)
    expected = predict(network, data, precision="fp32")
    np.testing.assert_allclose(predict(network.to(cuda), on(cuda, data), precision="fp32"), expected, atol=1e-3)


@pytest.mark.parametrize("augment", [simclr_view, strong_augment])
def test_a_seed_means_the_same_augmentation_on_both_devices(cuda, augment):
    images = torch.rand(8, 3, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(0))
    views = [augment(images.to(device), torch.Generator().manual_seed(1)).cpu() for device in ("cpu", cuda)]
    torch.testing.assert_close(*views, atol=1e-3, rtol=0)


def test_a_cache_larger_than_the_memory_is_streamed_and_learnt_as_one_that_fits(tmp_path, cuda, monkeypatch):
    data = made_data()
    np.save(tmp_path / "cache.npy", data.pixels.permute(0, 2, 3, 1).numpy())
    cache = np.load(tmp_path / "cache.npy", mmap_mode="r")
    choose_device(cuda.type)
    probs = []
    for free in (10**9, 1000):
        monkeypatch.setattr(streamed_pixels, "free_bytes", lambda device, free=free: free)
        pixels = load_pixels(cache, size_px=SIDE_PX, device=cuda)
        assert isinstance(pixels, torch.Tensor) == (free == 10**9)
        assert pixels[torch.tensor([3, 0])].device.type == cuda.type
        here = TrainingData(pixels, data.given, data.is_trained, 2)
        probs.append(predict(train_on_labels(here, TINY, num_epochs=3, seed=0), here, precision="fp32"))
    np.testing.assert_allclose(*probs, atol=1e-3)


def test_the_encoder_s_features_are_those_of_the_cpu(cuda):
    from overread.training.feature_source import imagenet_features

    pixels = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    rows = []
    for device in (torch.device("cpu"), cuda):
        source = imagenet_features(device)
        if source is None:
            pytest.skip("the encoder's package is not installed")
        rows.append(source.compute(pixels, device=device, precision="fp32"))
    cosines = (rows[0] * rows[1]).sum(axis=1) / np.linalg.norm(rows[0], axis=1) / np.linalg.norm(rows[1], axis=1)
    assert cosines.min() > 0.999
