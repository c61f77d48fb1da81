"""Heat maps of where a run's network finds its evidence for a class: Grad-CAM, computed on demand.

Saliency maps have not helped readers (PMC10247804: 92 radiologists, 2,760 decisions), so they are shown on demand
only. torch is imported inside the functions: the app reads finished maps and starts a process to compute others.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from overread.config import settings_from_dict
from overread.files import make_folder, write_atomically
from overread.images.cache.pixel_cache import open_cache
from overread.studies.run import Run
from overread.studies.study import Study

if TYPE_CHECKING:
    from torch import Tensor, nn

    from overread.models.network import Network

MIN_MAP_PX = 7
"""The deepest layer whose maps have at least this side is used: a map of 2 x 2 doesn't localise anything."""


@dataclass(frozen=True)
class Saliency:
    """Heat maps of one sample."""

    labels: tuple[str, ...]
    """The given label and the proposed one; one label where both are the same."""
    maps: np.ndarray
    """(len(labels), H, W) float32 in [0, 1], over the image in the pixel cache. 1 is the highest value of all of the
    sample's maps, so a class with little evidence has a faint map."""


def has_network(run: Run) -> bool:
    """Whether the run has the network that maps look into."""
    return (run.path / "model.safetensors").is_file()


def can_have_maps(run: Run) -> bool:
    """Whether the run has that network, or says by what settings it is trained."""
    return has_network(run) or "settings" in run.config()


def saliency_path(run: Run, sample_id: str) -> Path:
    return run.path / "saliency" / f"{sample_id}.npz"


def read_saliency(run: Run, sample_id: str) -> Saliency | None:
    """The maps of a sample, or None if they have not been computed."""
    path = saliency_path(run, sample_id)
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return Saliency(tuple(map(str, arrays["labels"])), arrays["maps"].astype(np.float32))


def compute_saliency(study: Study, run: Run, sample_ids: Sequence[str]) -> None:
    """Compute the maps of these samples of a run with a network, and save each in RUN/saliency/SAMPLE.npz.

    Raises StudyError if the study has no complete pixel cache.
    """
    from overread.training.streamed_pixels import resized

    scores = run.scores().set_index("sample_id")
    network = _load_network(run)
    size_px = run.config()["settings"]["model"]["image_size_px"]
    classes = [column.removeprefix("p_") for column in scores.columns if column.startswith("p_")]
    cache = open_cache(study.pixels_path)
    make_folder(run.path / "saliency")
    for sample_id in sample_ids:
        labels = tuple(dict.fromkeys((scores.at[sample_id, "given_label"], scores.at[sample_id, "proposed_label"])))
        pixels = cache.image(sample_id)[None]
        image = resized(pixels, size_px).float().div_(255)
        maps = heat_maps(network, image, [classes.index(label) for label in labels], size_px=cache.size_px)
        content = io.BytesIO()
        np.savez_compressed(content, labels=np.array(labels), maps=maps.astype(np.float16))
        write_atomically(saliency_path(run, sample_id), content.getvalue())


def heat_maps(network: "Network", image: "Tensor", classes: Sequence[int], *, size_px: int) -> np.ndarray:
    """Grad-CAM of one image for each of several classes: (len(classes), size_px, size_px) float32 in [0, 1].

    image: (1, C, H, W) float32 in [0, 1] on the network's device. The feature maps of the deepest layer that still has
    MIN_MAP_PX a side are weighted by the mean gradient of the class's logit; evidence against the class counts as 0.
    All maps are divided by the highest value among them.
    Source: Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2.
    """
    import torch
    import torch.nn.functional as F

    network.eval()
    seen: list[Tensor] = []
    hooks = [stage.register_forward_hook(lambda *call: seen.append(call[2])) for stage in _stages(network.encoder)]
    try:
        logits = network(image)
    finally:
        for hook in hooks:
            hook.remove()
    layer = next((maps for maps in reversed(seen) if min(maps.shape[2:]) >= MIN_MAP_PX), seen[0])
    found = []
    for number in classes:
        (gradient,) = torch.autograd.grad(logits[0, number], layer, retain_graph=True)
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        found.append((weights * layer).sum(dim=1, keepdim=True).relu())
    maps = F.interpolate(torch.cat(found).detach(), size=(size_px, size_px), mode="bilinear", align_corners=False)
    return (maps / maps.max().clamp_min(1e-12))[:, 0].clamp(0, 1).cpu().numpy()


def _stages(encoder: "nn.Module") -> list["nn.Module"]:
    """The stages of an encoder, in order."""
    from overread.models.encoders import NarrowResNet

    if isinstance(encoder, NarrowResNet):
        return list(encoder.blocks)
    return [encoder.get_submodule(f"layer{number}") for number in (1, 2, 3, 4)]


def _load_network(run: Run) -> "Network":
    """On the CPU: one image takes less time there than starting a GPU, which a training may be using."""
    from safetensors.torch import load_file

    from overread.models.network import Network

    weights = load_file(run.path / "model.safetensors")
    settings = settings_from_dict(run.config()["settings"])
    network = Network(
        settings.model.encoder,
        mean=weights["mean"].flatten(),
        std=weights["std"].flatten(),
        num_classes=len(weights["head.bias"]),
        projection_size=settings.pretrain.projection_size,
        has_small_stem=settings.model.has_small_stem,
    )
    network.load_state_dict(weights)
    return network
