"""Groups of samples whose labels contradict the rest: a site, a scanner, a slide, a month, a cluster of images.

A model of a group's samples that was trained on the *other* groups says what labels they would have had there. Of the
samples of one group that it says are of class k, so many have another label; of those elsewhere, so many. Where the
first is much more, beyond chance, the group's labels follow another rule (or its images look different, which the
model cannot tell from that). A sample counts as contradicted only if the ordinary out-of-fold model, which may have
seen others of its group, contradicts its label too: it follows a group whose images look different.

If a group holds half of the data, the ordinary model is torn between its rule and that of the rest, and contradicts
too few of its labels. So a second test counts what the others' model contradicts, all of it, where the ordinary one
contradicts more here than elsewhere, and most labels of the class are concerned.

Where two classes are swapped in a large part of the data, each side contradicts the other, and nothing "elsewhere" is
left to compare with. Then, of these two, the labels agree with the others' model less than they would by chance.

The tests are exact, on whole patients and slides (units), with the false discovery rate of Benjamini and Hochberg.
Source of the rate: Benjamini and Hochberg 1995, "Controlling the False Discovery Rate".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from overread.detection.principal_components import principal_components
from overread.detection.soft_classifiers import fit_soft_ridge

MIN_SAMPLES = 20
"""Of a group; and of those in it that the others' model says are of one class."""
MIN_SHARE = 0.3
"""Of contradicted labels; of a cluster, half: images that look alike are often hard in the same way."""
MIN_CLUSTER_SHARE = 0.5
MIN_TORN_SHARE = 0.5
"""Of labels that the others' model contradicts, whatever the ordinary one says."""
MIN_RATIO = 2.0
"""Of the share of contradicted labels to that elsewhere."""
MAX_KAPPA = -0.1
"""Agreement with the others' model, beyond chance, below which labels are swapped."""
MAX_FALSE_RATE = 0.01
NUM_COMPONENTS = 64
NUM_FOLDS = 5
CLUSTER = "look alike"
"""Stands for the column of clusters of the features."""
_SAMPLES_PER_CLUSTER = 60
_MOST_CLUSTERS = 40
_PENALTY = 30.0
_DATE = re.compile(r"(\d{4})-?(\d{2})-?\d{2}(?:[T ].*)?")


@dataclass(frozen=True)
class ContradictedGroup:
    """A group whose labels stand out, most contradicted first."""

    column: str
    """Of samples.csv, or CLUSTER."""
    value: str
    """In the column; of a cluster its number."""
    num_samples: int
    predicted: int
    """Class index: what the others' model says of these samples."""
    given: int
    """Class index: the label that most of the contradicted ones have; the other class where two are swapped."""
    rows: np.ndarray
    """(M,) int64: the contradicted samples."""
    share: float
    """Of the samples predicted so, or of the two classes that are swapped, those that are contradicted, in [0, 1]."""
    share_elsewhere: float
    is_swapped: bool
    """Of the two classes the labels agree with the others' model less than by chance: either this group or the rest
    has them the wrong way round, and which one this cannot tell."""


def contradicted_groups(
    features: np.ndarray,
    given: np.ndarray,
    units: np.ndarray,
    columns: Mapping[str, np.ndarray],
    own: np.ndarray,
    *,
    num_classes: int,
    seed: int = 0,
) -> list[ContradictedGroup]:
    """Test every group of every column, and every cluster of the features.

    features: (N, D) float32; given: (N,) int64; units: (N,) int64, equal for samples that are not independent (of one
    patient, slide or duplicate group); columns: by name, (N,) str, empty where a sample has no value; dates count by
    month. own: (N,) int64, the class that ordinary out-of-fold models say. The same seed gives the same result.
    """
    features = principal_components(features, NUM_COMPONENTS)
    by_column = {name: np.array([_by_month(str(value)) for value in values]) for name, values in columns.items()}
    by_column[CLUSTER] = _clusters(features, seed)
    tests: list[tuple[float, ContradictedGroup]] = []
    for name, values in by_column.items():
        names, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
        if ((counts >= MIN_SAMPLES) & (names != "")).sum() and len(names) > 1:
            predicted = _predicted_by_others(features, given, units, codes, num_classes)
            for code in np.flatnonzero((counts >= MIN_SAMPLES) & (names != "")):
                tests += _tests(name, str(names[code]), codes == code, given, predicted, own, units)
    return _discoveries(tests)


def _tests(
    column: str,
    value: str,
    is_in: np.ndarray,
    given: np.ndarray,
    predicted: np.ndarray,
    own: np.ndarray,
    units: np.ndarray,
) -> list[tuple[float, ContradictedGroup]]:
    """The p-value of each test of a group, with what it would find; 1 where the effect is too small to tell of."""
    is_other = predicted != given
    is_contradicted = is_other & (own != given)
    found = []
    for name in np.unique(predicted[is_in]):
        here, elsewhere = is_in & (predicted == name), ~is_in & (predicted == name)
        if here.sum() < MIN_SAMPLES or not elsewhere.any():
            continue
        is_followed = is_contradicted[here].mean() <= MIN_RATIO * is_contradicted[elsewhere].mean()
        asked = [(is_contradicted, MIN_SHARE), (is_other, MIN_TORN_SHARE)]
        for counted, least in asked if column != CLUSTER else [(is_contradicted, MIN_CLUSTER_SHARE)]:
            share, other = float(counted[here].mean()), float(counted[elsewhere].mean())
            is_large = share >= least and share > MIN_RATIO * other and not is_followed
            chance = _chance(counted, here, elsewhere, units) if is_large else 1.0
            rows = np.flatnonzero(here & counted)
            most = int(np.bincount(given[rows]).argmax()) if len(rows) else int(name)
            group = ContradictedGroup(column, value, int(is_in.sum()), int(name), most, rows, share, other, False)
            found.append((chance, group))
    present = np.unique(given[is_in]).tolist() if column != CLUSTER else []
    for pair in combinations(present, 2):
        is_asked = is_in & np.isin(given, pair) & np.isin(predicted, pair)
        rows = np.flatnonzero(is_asked & (predicted != given))
        if is_asked.sum() >= MIN_SAMPLES and len(rows):
            kappa, chance = _agreement(given[is_asked], predicted[is_asked], units[is_asked])
            other, most = sorted(pair, key=lambda each: int((given[rows] == each).sum()))
            swap = ContradictedGroup(
                column, value, int(is_in.sum()), other, most, rows, len(rows) / int(is_asked.sum()), float("nan"), True
            )
            found.append((chance if kappa <= MAX_KAPPA else 1.0, swap))
    return found


def _chance(is_contradicted: np.ndarray, here: np.ndarray, elsewhere: np.ndarray, units: np.ndarray) -> float:
    """The chance of as many contradicted units among those here, if they were drawn from both places alike."""
    from scipy.stats import hypergeom

    inside, outside = (_unit_majorities(is_contradicted[part], units[part]) for part in (here, elsewhere))
    num_wrong = int(inside.sum() + outside.sum())
    return float(hypergeom.sf(inside.sum() - 1, len(inside) + len(outside), num_wrong, len(inside)))


def _discoveries(tests: list[tuple[float, ContradictedGroup]]) -> list[ContradictedGroup]:
    """Those beyond chance at MAX_FALSE_RATE. A class of a group is told once, by the first of its tests; so are two
    classes that are swapped, not each by itself."""
    chances = np.array([chance for chance, _ in tests])
    order = np.argsort(chances, kind="stable")
    bounds = MAX_FALSE_RATE * np.arange(1, len(tests) + 1) / max(len(tests), 1)
    passed = np.flatnonzero(chances[order] <= bounds)
    passed_tests = sorted(order[: passed.max() + 1].tolist()) if len(passed) else []
    of_class: dict[tuple[str, str, int, bool], ContradictedGroup] = {}
    for one in (tests[place][1] for place in passed_tests):
        of_class.setdefault((one.column, one.value, one.predicted, one.is_swapped), one)
    found = list(of_class.values())
    swapped = {(one.column, one.value, each) for one in found if one.is_swapped for each in (one.given, one.predicted)}
    found = [one for one in found if one.is_swapped or (one.column, one.value, one.predicted) not in swapped]
    return sorted(found, key=lambda one: -one.share)


def _unit_majorities(is_contradicted: np.ndarray, units: np.ndarray) -> np.ndarray:
    """(U,) bool: whether most samples of each unit are contradicted."""
    _, places, counts = np.unique(units, return_inverse=True, return_counts=True)
    return 2 * np.bincount(places, weights=is_contradicted) > counts


def _agreement(given: np.ndarray, predicted: np.ndarray, units: np.ndarray) -> tuple[float, float]:
    """Cohen's kappa of two labellings, and the chance of as little agreement where whole units swap their predictions.

    That is normal by Hoeffding 1951, "A Combinatorial Central Limit Theorem". A unit is predicted to be of the class
    that most of its samples are.
    """
    from scipy.stats import norm

    num_classes = int(max(given.max(), predicted.max())) + 1
    places = np.unique(units, return_inverse=True)[1]
    labels, predictions = np.zeros((2, places.max() + 1, num_classes))
    np.add.at(labels, (places, given), 1)
    np.add.at(predictions, (places, predicted), 1)
    of_units = predictions.argmax(axis=1)
    shares = np.bincount(of_units, minlength=num_classes) / len(of_units)
    observed, expected = float(labels[np.arange(len(labels)), of_units].sum()), float((labels @ shares).sum())
    centred = labels - (labels @ shares)[:, None] - labels.mean(axis=0) + expected / len(labels)
    variance = float((centred**2 @ shares).sum()) * len(labels) / max(len(labels) - 1, 1)
    if variance <= 0 or expected >= len(given):
        return 0.0, 1.0
    return (observed - expected) / (len(given) - expected), float(norm.cdf((observed - expected) / variance**0.5))


def _predicted_by_others(
    features: np.ndarray, given: np.ndarray, units: np.ndarray, codes: np.ndarray, num_classes: int
) -> np.ndarray:
    """(N,) int64: each sample's class by a ridge regression on other groups, and without the units of its own fold.

    A group counts no more than one of the usual size, however many samples it has: a rule of its own is rare, so that
    three small sites against a large one are the ones to believe.
    """
    fold_of, sizes = np.zeros(codes.max() + 1, dtype=np.int64), np.zeros(NUM_FOLDS)
    counts = np.bincount(codes)
    weights = np.minimum(1, np.median(counts[counts >= MIN_SAMPLES]) / counts)[codes, None]
    for code in np.argsort(-counts, kind="stable"):
        fold_of[code] = sizes.argmin()
        sizes[fold_of[code]] += counts[code]
    folds, targets = fold_of[codes], weights * np.eye(num_classes)[given]
    predicted = given.copy()  # stays where nothing is left to fit on
    for fold in np.unique(folds):
        held_out = folds == fold
        fitted = ~held_out & ~np.isin(units, units[held_out])
        if fitted.sum() >= MIN_SAMPLES:
            scale = features[fitted].std(axis=0) + 1e-6
            model = fit_soft_ridge(features[fitted] / scale, targets[fitted], penalty=_PENALTY)
            predicted[held_out] = model.predict_probs(features[held_out] / scale).argmax(axis=1)
    return predicted


def _clusters(features: np.ndarray, seed: int) -> np.ndarray:
    """(N,) str: the number of each sample's cluster; all in one where there are too few samples."""
    from sklearn.cluster import MiniBatchKMeans

    number = min(len(features) // _SAMPLES_PER_CLUSTER, _MOST_CLUSTERS)
    if number < 2:
        return np.full(len(features), "1")
    means = MiniBatchKMeans(number, random_state=seed, n_init=1, batch_size=1024)
    return np.char.mod("%d", means.fit_predict(features) + 1)


def _by_month(value: str) -> str:
    """The month of a date, such as 2024-03; any other value as it is."""
    date = _DATE.fullmatch(value)
    return f"{date[1]}-{date[2]}" if date and 1 <= int(date[2]) <= 12 and 1900 <= int(date[1]) <= 2100 else value
