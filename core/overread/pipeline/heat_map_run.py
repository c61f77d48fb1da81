"""Heat maps of a run: computed when asked for, as is the network that they look into."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from overread.config import settings_from_dict
from overread.errors import ConfigError, StudyError
from overread.files import file_lock
from overread.pipeline.run_inputs import cached_pixels
from overread.pipeline.run_results import PRETRAINED, save_network
from overread.proposals.heat_maps import compute_saliency, has_network
from overread.studies.run import Run, find_runs, samples_digest
from overread.studies.study import Study

if TYPE_CHECKING:
    from torch import Tensor


def compute_heat_maps(study: Study, run: Run, sample_ids: Sequence[str]) -> None:
    """Compute the maps of these samples, and first the run's network if it has none yet.

    Raises ConfigError for a sample that the run doesn't know, what `compute_saliency` raises, and StudyError if the
    network would have to be trained on other samples than the run was.
    """
    known = set(run.scores()["sample_id"])
    unknown = [sample_id for sample_id in sample_ids if sample_id not in known]
    if unknown:
        raise ConfigError(f"SAMPLE {unknown[0]!r}: run {run.name} has no such sample; use an id from its scores.csv")
    if not has_network(run):
        with file_lock(run.path / "network.lock"):
            if not has_network(run):
                _train_network(study, run)
    compute_saliency(study, run, sample_ids)


def _train_network(study: Study, run: Run) -> None:
    """On the CPU, as maps are computed: a GPU may be busy with a training."""
    import torch

    from overread.training.plain_training import train_on_labels
    from overread.training.training_data import TrainingData, load_pixels

    config, samples = run.config(), study.samples()
    if config["samples_digest"] != samples_digest(samples) or config["classes"] != list(study.classes):
        raise StudyError(f"{study.path}: its samples have changed since run {run.name}; train again")
    settings = settings_from_dict(config["settings"])
    number_of = {name: number for number, name in enumerate(study.classes)}
    data = TrainingData(
        load_pixels(cached_pixels(study, samples), size_px=settings.model.image_size_px, device=torch.device("cpu")),
        given=np.array([number_of[label] for label in samples["given_label"]], dtype=np.int64),
        is_trained=(samples["split"] != "test").to_numpy(dtype=bool),
        num_classes=len(study.classes),
    )
    network = train_on_labels(
        data,
        settings,
        num_epochs=settings.warmup.num_epochs,
        seed=config["seed"],
        pretrained=_pretrained(study, run),
    )
    save_network(run, network.state_dict(), "model.safetensors")


def _pretrained(study: Study, run: Run) -> "dict[str, Tensor] | None":
    """SimCLR's network of the run or, after review, of one that it began from; None if none has trained one."""
    from safetensors.torch import load_file

    runs = {other.name: other for other in find_runs(study)}
    current: Run | None = run
    while current is not None:
        path = current.path / PRETRAINED
        if path.is_file():
            return load_file(path)
        current = runs.get((current.config().get("after_review") or {}).get("run", ""))
    return None
