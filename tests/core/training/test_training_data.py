import numpy as np
import pytest
import torch
from PIL import Image

from overread.errors import ConfigError
from overread.training import streamed_pixels
from overread.training.epochs import predict
from overread.training.plain_training import train_on_labels
from overread.training.training_data import TrainingData, load_pixels, pixel_statistics
from tests.core.training.conftest import TINY, made_data

CPU = torch.device("cpu")


@pytest.mark.parametrize(("num_samples", "batch_size"), [(64, 64), (65, 64), (100, 7), (10, 3), (4, 3), (7, 3)])
def test_an_epoch_has_every_trained_sample_once_in_batches_of_nearly_equal_length(num_samples, batch_size):
    data = made_data(num_samples=num_samples + 5, num_test=5)
    batches = list(data.epoch_batches(batch_size, torch.Generator().manual_seed(0)))
    assert sorted(torch.cat(batches).tolist()) == list(range(num_samples))
    lengths = [len(batch) for batch in batches]
    assert max(lengths) <= batch_size
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) >= 2


def test_the_order_of_an_epoch_is_its_generator_s():
    data = made_data()
    orders = [
        torch.cat(list(data.epoch_batches(16, torch.Generator().manual_seed(seed)))).tolist() for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_batches_are_every_sample_in_order_or_those_asked_for():
    data = made_data(num_samples=70, num_test=20)
    assert torch.cat(list(data.batches(32))).tolist() == list(range(70))
    places = np.array([5, 69, 3])
    assert [batch.tolist() for batch in data.batches(2, places)] == [[5, 69], [3]]


def test_images_are_the_pixels_by_dataset_index_in_0_to_1():
    data = made_data()
    index = torch.tensor([5, 0, 63])
    np.testing.assert_allclose(data.images(index).numpy(), data.pixels.numpy()[[5, 0, 63]] / 255, atol=1e-7)


def test_samples_to_train_on_of_one_class_are_refused():
    data = made_data()
    with pytest.raises(ConfigError, match="at least two classes are needed"):
        TrainingData(data.pixels, data.given, data.given == 1, 2)


def test_statistics_are_those_of_the_trained_pixels():
    data = made_data(num_test=30)
    data.pixels[34:] = 255
    mean, std = pixel_statistics(data)
    trained = data.pixels[:34].numpy() / 255
    assert mean.item() == pytest.approx(trained.mean(), abs=1e-5)
    assert std.item() == pytest.approx(trained.std(), abs=1e-3)


@pytest.mark.parametrize("num_channels", [1, 3])
def test_a_cache_of_the_right_size_goes_to_the_device_as_it_is(num_channels):
    cache = np.random.default_rng(0).integers(0, 256, (300, 8, 8, num_channels), dtype=np.uint8)
    loaded = load_pixels(cache, size_px=8, device=CPU)
    assert loaded.dtype == torch.uint8
    np.testing.assert_array_equal(loaded.permute(0, 2, 3, 1).numpy(), cache)


@pytest.mark.parametrize("size_px", [10, 12, 16, 20])
def test_larger_images_are_reduced_as_pillow_does(size_px):
    cache = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    loaded = load_pixels(cache, size_px=size_px, device=CPU).permute(0, 2, 3, 1).numpy().astype(int)
    for image, found in zip(cache, loaded, strict=True):
        expected = np.asarray(Image.fromarray(image).resize((size_px, size_px), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(found - expected).max() <= 1


def limit_memory(monkeypatch, num_bytes):
    monkeypatch.setattr(streamed_pixels, "free_bytes", lambda device: num_bytes)


@pytest.mark.parametrize("size_px", [12, 40])
def test_pixels_that_do_not_fit_are_streamed_from_the_memory_map_and_are_the_same(tmp_path, monkeypatch, size_px):
    np.save(tmp_path / "cache.npy", np.random.default_rng(0).integers(0, 256, (30, 40, 40, 3), dtype=np.uint8))
    cache = np.load(tmp_path / "cache.npy", mmap_mode="r")
    whole = load_pixels(cache, size_px=size_px, device=CPU)
    limit_memory(monkeypatch, 2 * whole.numel() - 1)
    streamed = load_pixels(cache, size_px=size_px, device=CPU)
    assert not isinstance(streamed, torch.Tensor)
    assert (streamed.shape, streamed.device, len(streamed)) == (whole.shape, whole.device, 30)
    index = torch.tensor([29, 0, 7, 7, 3])
    assert torch.equal(streamed[index], whole[index])
    limit_memory(monkeypatch, 2 * whole.numel())
    assert isinstance(load_pixels(cache, size_px=size_px, device=CPU), torch.Tensor)


def test_a_training_on_streamed_pixels_is_that_on_pixels_in_memory(monkeypatch):
    data = made_data()
    cache = data.pixels.permute(0, 2, 3, 1).numpy()
    limit_memory(monkeypatch, 1000)
    streamed = TrainingData(load_pixels(cache, size_px=32, device=CPU), data.given, data.is_trained, 2)
    probs = [
        predict(train_on_labels(each, TINY, num_epochs=1, seed=0), each, precision="fp32") for each in (data, streamed)
    ]
    np.testing.assert_array_equal(*probs)
