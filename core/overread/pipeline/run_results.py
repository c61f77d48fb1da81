"""The files that a training writes to its run's folder."""

import io
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from overread.files import write_atomically
from overread.studies.run import Run
from overread.studies.run_files import write_checksums

if TYPE_CHECKING:
    from overread.training.trace import Trace


def write_results(
    run: Run, trace: "Trace", weights: dict[str, Any], shown: dict[str, np.ndarray], scores: pd.DataFrame
) -> None:
    """The run's files, each whole or not there; scores.csv last, since a run that has it is finished."""
    from safetensors.torch import save

    files: dict[str, bytes] = {}

    def save_array(name: str, write: Callable[[io.BytesIO], None]) -> None:
        buffer = io.BytesIO()
        write(buffer)
        files[name] = buffer.getvalue()

    arrays = {
        "stage_probs": np.stack(trace.stage_probs).astype(np.float16),
        "stage_names": np.array([str(stage) for stage in trace.stages]),
        "pseudo_labels": np.stack(trace.pseudo_labels).astype(np.int16),
        "is_consensus": np.stack(trace.is_consensus),
    }
    save_array("trace.npz", lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    save_array("evidence.npz", lambda file: np.savez_compressed(file, allow_pickle=False, **shown))
    save_array("embeddings.npy", lambda file: np.save(file, trace.features.astype(np.float16)))
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    files["model.safetensors"] = save(contiguous)
    files["scores.csv"] = scores.to_csv(index=False, lineterminator="\n").encode()
    write_checksums(run.path, files)
    for name, content in files.items():
        write_atomically(run.path / name, content)
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)
