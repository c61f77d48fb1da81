"""Shortcuts: how well features that do not show the disease predict the label."""

import warnings
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from overread.checks.burned_in import SAYS_BURNED_IN, SAYS_UNKNOWN
from overread.images.file_header import FileHeader
from overread.records import Finding

NUM_FOLDS = 5
MIN_SAMPLES = 40
MIN_AUROC = 0.7
"""Below, no finding; chance is 0.5."""
SEVERE_AUROC = 0.9
MAX_TESTED = 10_000
"""Of a larger study this many samples are drawn for the test."""
_RARE, _COMMON = 0.01, 0.99
"""Metadata entries in fewer or more of the files are left out."""
_WORDS = {
    "size": "the image size",
    "depth": "the bit depth and number of channels",
    "file_size": "the file size",
    "format": "the file format",
    "metadata": "the set of metadata entries",
    "order": "the order in the source",
    "name": "the file name",
    "border": "the border of the images (margins, collimation)",
    "brightness": "the brightness and contrast of the whole image",
}
_CONSEQUENCE = "; a model may learn that instead of what the images show"
_ADVICE = {
    "file_size": "; it depends on the content of the images and on their compression",
    "brightness": "; exposure or stain may differ between the classes, or the disease itself changes the brightness",
    "border": "; crop the borders, or check whether the model uses them",
    "name": "; never show file names",
    "order": "; do not show or split the images in that order",
}
_CONTENT_KINDS = ("file_size", "brightness")
"""Kinds that the disease itself influences: never more than an info."""
_POSE_KINDS = ("border",)
"""Kinds that a patient's pose and build influence: never more than a warning."""
Features = Any
"""np.ndarray or csr_matrix, (N, D)."""


def shortcut_features(samples: pd.DataFrame, headers: Sequence[FileHeader]) -> dict[str, Features]:
    """Features without pixels, by kind: (N, D) each; a kind that is the same for all samples is left out.

    samples: samples.csv; headers: of their files, in the same order. The name is taken without its folders, as
    hashed pieces of one to four characters.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    area = np.array([header.width_px * header.height_px for header in headers], dtype=np.float64)
    num_bytes = np.array([header.num_bytes for header in headers], dtype=np.float64)
    formats = sorted({header.format for header in headers})
    entries = sorted(set().union(*(header.entries for header in headers)))
    has_entry = np.array([[entry in header.entries for entry in entries] for header in headers], dtype=np.float64)
    has_entry = has_entry.reshape(len(headers), len(entries))
    share = has_entry.mean(axis=0)
    names = [PurePosixPath(image).name for image in samples["image"]]
    pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(1, 4), n_features=2**14, alternate_sign=False)
    features: dict[str, Features] = {
        "size": np.array([(header.width_px, header.height_px) for header in headers], dtype=np.float64),
        "depth": np.array([(header.channels, header.bits) for header in headers], dtype=np.float64),
        "file_size": np.stack([num_bytes, num_bytes / np.maximum(area, 1)], axis=1),
        "format": np.array([[header.format == name for name in formats] for header in headers], dtype=np.float64),
        "metadata": has_entry[:, (share > _RARE) & (share < _COMMON)],
        "order": np.arange(len(samples), dtype=np.float64)[:, None],
    }
    features = {kind: values for kind, values in features.items() if (values != values[:1]).any()}
    return features | {"name": pieces.fit_transform(names)} if len(set(names)) > 1 else features


def predictability(features: Features, labels: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Cross-validated AUROC (mean over classes, one against the rest) and accuracy of the labels from features.

    features: (N, D); labels: (N,) int64; groups: (N,) int64, kept together in a fold. NaN where a class is in
    fewer groups than there are folds.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.exceptions import UndefinedMetricWarning
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import accuracy_score, roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    classes, numbers = np.unique(labels, return_inverse=True)
    num_groups = [len(np.unique(groups[numbers == number])) for number in range(len(classes))]
    if len(classes) < 2 or min(num_groups) < NUM_FOLDS:
        return float("nan"), float("nan")
    probs = np.zeros((len(labels), len(classes)))
    folds = StratifiedGroupKFold(NUM_FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class too rare for every fold
        for train, held_out in folds.split(features, numbers, groups):
            if isinstance(features, np.ndarray):
                model = RandomForestClassifier(60, min_samples_leaf=3, random_state=seed)
            else:
                model = SGDClassifier(loss="log_loss", alpha=1e-5, random_state=seed)
            model.fit(features[train], numbers[train])
            probs[np.ix_(held_out, model.classes_)] = model.predict_proba(features[held_out])
    one_hot = numbers[:, None] == np.arange(len(classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        auroc = roc_auc_score(one_hot, probs, average="macro")
    return float(auroc), float(accuracy_score(numbers, probs.argmax(axis=1)))


def check_shortcuts(
    samples: pd.DataFrame, features: dict[str, Features], groups: np.ndarray, *, skip: Sequence[str] = (), seed: int = 0
) -> list[Finding]:
    """Kinds of features that predict the label without the pixels. Messages name the kind, never a name or value.

    samples: samples.csv; features: of `shortcut_features` and `pixel_features`; groups: as in `predictability`; skip:
    kinds that another finding reports already. Classes in too few groups to cross-validate are left out.
    """
    labels = samples["given_label"].to_numpy(dtype=str)
    names, numbers = np.unique(labels, return_inverse=True)
    is_testable = np.array([len(np.unique(groups[numbers == n])) >= NUM_FOLDS for n in range(len(names))])[numbers]
    rows = np.flatnonzero(is_testable)
    if len(rows) < MIN_SAMPLES or len(np.unique(numbers[rows])) < 2:
        return []
    if len(rows) > MAX_TESTED:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MAX_TESTED, replace=False))
    commonest = np.bincount(numbers[rows]).max() / len(rows)
    findings = []
    for kind, values in features.items():
        if kind in skip:
            continue
        auroc, accuracy = predictability(values[rows], numbers[rows], groups[rows], seed)
        if not auroc >= MIN_AUROC:
            continue
        severity = "error" if auroc >= SEVERE_AUROC and kind not in _POSE_KINDS else "warning"
        severity = "info" if kind in _CONTENT_KINDS else severity
        message = (
            f"{_WORDS[kind]} alone predicts the label: AUROC {auroc:.3f} (chance 0.5), accuracy {accuracy:.1%} (always "
            f"guessing the most common label: {commonest:.1%}){_ADVICE.get(kind, _CONSEQUENCE)}"
        )
        findings.append(Finding(f"shortcut_{kind}", severity, len(rows), message))
    return findings


def check_headers(samples: pd.DataFrame, headers: Sequence[FileHeader]) -> list[Finding]:
    """Images of unusual size or depth, and what DICOM files say about burned-in text.

    samples: samples.csv; headers: of their files, in the same order.
    """
    ids = samples["sample_id"].to_numpy()
    is_read = np.array([header.width_px > 0 for header in headers], dtype=bool)
    findings = []

    def add(kind: str, severity: str, chosen: np.ndarray, message: str) -> None:
        if chosen.any():
            found = tuple(ids[chosen])
            findings.append(Finding(kind, severity, len(found), f"{len(found)} images {message}", found))

    area = np.array([header.width_px * header.height_px for header in headers], dtype=np.float64)
    if is_read.any():
        side = np.sqrt(area)
        median = np.median(side[is_read])
        is_other = is_read & ((side < median / 3) | (side > median * 3))
        add("resolution_outlier", "warning", is_other, "are less than a third or more than three times the usual size")
        depths = pd.Series([(header.channels, header.bits) for header in headers])
        usual = depths[is_read].value_counts(normalize=True)
        if usual.iloc[0] >= 0.9:
            is_other = is_read & (depths != usual.index[0]).to_numpy()
            add("depth_outlier", "warning", is_other, "have a different number of channels or bit depth than the rest")
    is_dicom = np.array([header.format == "DICOM" for header in headers], dtype=bool)
    burned_in = np.array([header.burned_in for header in headers])
    add("burned_in", "error", burned_in == "YES", SAYS_BURNED_IN)
    is_silent = is_dicom & is_read & (burned_in == "")
    add("burned_in_unknown", "warning", is_silent, SAYS_UNKNOWN)
    return findings
