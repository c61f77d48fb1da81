"""`bench probabilities`: label errors found by released out-of-fold probabilities of fine-tuned networks, beside
cleanlab: what the noise model and the cut-off are worth alone."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from overread.benchmark.detection_benchmark import commit_name
from overread.benchmark.markdown_tables import markdown, versions
from overread.benchmark.ours import judged_from_probs
from overread.benchmark.peers.confident_learning import confident_learning_of
from overread.benchmark.runner import measures
from overread.errors import ConfigError, SourceError
from overread.files import write_atomically

PROBS = Path("cifar10n_probs") / "probs.npz"
"""In OVERREAD_DATA. Under LABELS/NETWORK/ the arrays probs (N, K), rows sum to 1, given (N,) and true (N,)."""
_COLUMNS = [
    *("labels", "network", "wrong", "expected wrong", "average precision", "cleanlab's"),
    *("F1", "cleanlab's", "proposed", "cleanlab's", "precision", "cleanlab's"),
]


def run_probabilities(out: Path) -> tuple[list[dict[str, Any]], str]:
    """A result for each set of probabilities and method, and the page OUT/probabilities.md. Raises UserErrors."""
    results = []
    with _released() as sets:
        for name in sorted({key.rpartition("/")[0] for key in sets}):
            labels, _, network = name.partition("/")
            probs = sets[f"{name}/probs"].astype(np.float32)
            probs /= probs.sum(axis=1, keepdims=True)
            given, true = (sets[f"{name}/{part}"].astype(np.int64) for part in ("given", "true"))
            for method, find in (("overread", judged_from_probs), ("cleanlab", confident_learning_of)):
                found = find(probs, given)
                expected = {"num_expected": float(found.scores.sum())} if method == "overread" else {}
                measured = measures(found, true, given, probs.shape[1])
                results.append({"labels": labels, "network": network, "method": method} | measured | expected)
    page = _page(results)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "probabilities.md", page)
    return results, page


def _released() -> Any:
    data = os.environ.get("OVERREAD_DATA")
    if not data:
        raise ConfigError(f"bench probabilities needs probabilities: set OVERREAD_DATA to the folder of {PROBS}")
    try:
        return np.load(Path(data) / PROBS)
    except FileNotFoundError as error:
        raise SourceError(
            f"{Path(data) / PROBS}: no such file; OVERREAD_DATA must name the folder of {PROBS}"
        ) from error


def _page(results: list[dict[str, Any]]) -> str:
    rows = []
    for ours, peer in zip(results[::2], results[1::2], strict=True):
        pairs = [f"{one[name]:.3f}" for name in ("average_precision", "f1") for one in (ours, peer)]
        counts = [f"{one['num_proposed']}" for one in (ours, peer)]
        precision = [f"{one['precision']:.3f}" for one in (ours, peer)]
        told = [ours["labels"], ours["network"], f"{ours['num_errors']}", f"{ours['num_expected']:.0f}"]
        rows.append([*told, *pairs, *counts, *precision])
    head = f"# Label errors by given probabilities\n\n{versions()}; commit {commit_name()}."
    return f"{head}\n\n{markdown(_COLUMNS, rows)}\n"
