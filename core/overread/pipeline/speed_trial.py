"""A short trial on a few of a study's own images: how fast this computer trains."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.config import PRESETS, TrainSettings, preset_settings
from overread.images.cache.pixel_cache import PixelCache, open_cache
from overread.pipeline.training_time import Speed, network_key, this_machine
from overread.studies.sample_groups import read_duplicate_groups
from overread.studies.study import Study

if TYPE_CHECKING:
    import torch

NUM_IMAGES = {"cpu": 96, "cuda": 1024}
"""Images of the trial, spread over the study: a GPU is at its full speed with many alone."""
NUM_COMPARED = 96
"""Images that are compared for near-duplicates, on the CPU."""
NUM_WARM_UP = 16
"""Images that are computed before the clock runs."""


def measure_speed(study: Study, *, device: str = "auto") -> Speed:
    """Try each part of a training on a few of the study's images; takes 5 to 10 s on two cores.

    Raises ConfigError for a device that is not there, and StudyError where the study has no intact pixel cache yet.
    """
    begin_s = time.perf_counter()
    import torch

    from overread.training.device import choose_device, has_bf16_units

    chosen = choose_device(device)
    start_s = time.perf_counter() - begin_s
    cache = open_cache(study.pixels_path)
    num_samples = len(study.samples())
    places = np.unique(np.linspace(0, len(cache.keys) - 1, min(NUM_IMAGES[chosen.type], len(cache.keys))).astype(int))
    pixels = np.ascontiguousarray(cache.pixels[places])
    presets = [
        preset_settings(
            name,
            device=chosen.type,
            has_bf16=has_bf16_units(chosen),
            cache_size_px=study.image_size_px,
            num_samples=num_samples,
        )
        for name in PRESETS
    ]
    networks = {network_key(settings): settings for settings in presets}
    return Speed(
        machine=this_machine(study),
        device=chosen.type,
        gpu=torch.cuda.get_device_name() if chosen.type == "cuda" else "",
        num_threads=torch.get_num_threads(),
        has_bf16=has_bf16_units(chosen),
        num_images=num_samples,
        pictures_s=_pictures_s(study, cache, pixels[:NUM_COMPARED]),
        features_s=_features_s(pixels, chosen, presets[0]),
        start_s=round(start_s, 3),
        epoch_s={key: _epoch_s(pixels, chosen, settings) for key, settings in networks.items()},
    )


def _pictures_s(study: Study, cache: PixelCache, pixels: np.ndarray) -> float:
    if read_duplicate_groups(study, cache) is not None:
        return 0.0
    try:
        from overread.checks.near_duplicates import near_duplicate_groups
    except ImportError:  # without OpenCV, a training does without them too
        return 0.0
    keys = [str(place) for place in range(len(pixels))]
    return _seconds(lambda: near_duplicate_groups(pixels, keys), chosen=None) / len(pixels)


def _features_s(pixels: np.ndarray, device: "torch.device", settings: TrainSettings) -> float | None:
    from overread.training.feature_source import imagenet_features

    source = imagenet_features(device)
    if source is None:
        return None

    def compute(images: np.ndarray) -> None:
        source.compute(images, device=device, precision=settings.model.precision)

    compute(pixels[:NUM_WARM_UP])
    return _seconds(lambda: compute(pixels), chosen=device) / len(pixels)


def _epoch_s(pixels: np.ndarray, device: "torch.device", settings: TrainSettings) -> float:
    """Seconds for an image of one epoch of plain training. The labels are made up: the time does not depend on them."""
    import torch

    from overread.models.network import Network
    from overread.training.epochs import supervised_epoch
    from overread.training.training_data import TrainingData, load_pixels, pixel_statistics

    labels = np.arange(len(pixels)) % 2
    data = TrainingData(
        pixels=load_pixels(pixels, size_px=settings.model.image_size_px, device=device),
        given=labels,
        is_trained=np.ones(len(pixels), dtype=bool),
        num_classes=2,
    )
    mean, std = pixel_statistics(data)
    network = Network(
        settings.model.encoder,
        mean=mean,
        std=std,
        num_classes=2,
        projection_size=8,
        has_small_stem=settings.model.has_small_stem,
    )
    network.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)

    def run_epoch() -> None:
        supervised_epoch(
            network,
            optimizer,
            data,
            labels,
            np.zeros(len(pixels), dtype=bool),
            batch_size=settings.warmup.batch_size,
            weight="none",
            precision=settings.model.precision,
            generator=torch.Generator().manual_seed(0),
        )

    run_epoch()
    return _seconds(run_epoch, chosen=device) / len(pixels)


def _seconds(run: Callable[[], Any], *, chosen: "torch.device | None") -> float:
    """What a call takes, with what it left to a GPU."""
    begin_s = time.perf_counter()
    run()
    if chosen is not None and chosen.type == "cuda":
        import torch

        torch.cuda.synchronize()
    return time.perf_counter() - begin_s
