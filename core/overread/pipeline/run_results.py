"""The files that a training writes to its run's folder.

A run on features from elsewhere writes them twice: judged by the features, when reading can begin, and with the
networks.
"""

import io
import json
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from overread.detection.error_range import ErrorRange
from overread.files import write_atomically
from overread.studies.run import ERROR_RANGE, Run
from overread.studies.run_files import read_scores, replaced_checksums

if TYPE_CHECKING:
    from torch import Tensor

    from overread.training.trace import Trace


PRETRAINED = "pretrained.safetensors"
"""In a run's folder: SimCLR's network, where the run has trained one."""
_FIRST_SCORES = "first_scores.csv"
"""In RUN/checkpoint: what the networks' scores are compared with, also after a kill."""


def write_results(
    run: Run, trace: "Trace", shown: dict[str, np.ndarray], scores: pd.DataFrame, error_range: ErrorRange | None
) -> None:
    """The run's files, each whole or not there; scores.csv last, since a run that has it can be read."""
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
    if error_range is not None:
        ends = {"low": error_range.low.astype(np.float32), "high": error_range.high.astype(np.float32)}
        ends["overlap"] = np.array(error_range.overlap)
        save_array(ERROR_RANGE, lambda file: np.savez_compressed(file, allow_pickle=False, **ends))
    files["scores.csv"] = scores.to_csv(index=False, lineterminator="\n").encode()
    # A reader may look at a run whose files are being replaced: until all are, the old ones count as whole too.
    with replaced_checksums(run.path, files):
        for name, content in files.items():
            path = run.path / name
            if not (path.is_file() and path.read_bytes() == content):
                write_atomically(path, content)


def save_first_scores(run: Run) -> bool:
    """Keep scores.csv for `write_refinement`. Returns False where that was done before."""
    path = run.path / "checkpoint" / _FIRST_SCORES
    if path.is_file():
        return False
    write_atomically(path, (run.path / "scores.csv").read_bytes())
    return True


def write_refinement(run: Run, scores: pd.DataFrame) -> dict[str, int]:
    """RUN/refinement.json: how the networks changed the proposals of the first step. Returns its fields.

    num_more: samples that were not proposed before; num_fewer: those that no longer are; num_relabelled: those for
    which another class is proposed than before.
    """
    first = read_scores(run.path / "checkpoint" / _FIRST_SCORES)
    before, now = first["is_proposed"].to_numpy(dtype=bool), (scores["is_proposed"] == "true").to_numpy()
    is_other = first["proposed_label"].to_numpy() != scores["proposed_label"].to_numpy()
    fields = {
        "num_more": int((now & ~before).sum()),
        "num_fewer": int((before & ~now).sum()),
        "num_relabelled": int((before & now & is_other).sum()),
    }
    write_atomically(run.path / "refinement.json", json.dumps(fields) + "\n")
    return fields


def save_network(run: Run, weights: "dict[str, Tensor]", name: str) -> None:
    """RUN/NAME, a file of safetensors."""
    from safetensors.torch import save

    write_atomically(run.path / name, save({key: value.detach().cpu().contiguous() for key, value in weights.items()}))


def remove_checkpoint(run: Run) -> None:
    """The training is over, and nothing is to be resumed."""
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)
