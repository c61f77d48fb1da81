"""What images that show the same picture tell of each other's labels: where they differ, one at least is wrong.

Where all agree nothing is concluded: a label is copied as easily as an image, error and all.
"""

from dataclasses import replace

import numpy as np

from core.proposals.noise_model import NoiseModel, blurred

SAME_CLASS = 0.98
"""How probable it is beforehand that images found to show the same picture are of one class: two may share no more
than a part, or have been linked by way of a third."""
_PRIOR = 2.0
_SMALLEST = 1e-9


def conflict_score(given: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """1 - the share of a picture's labels that are like the sample's own: (N,) float32 in [0, 1), higher is more likely
    wrong; 0 where all agree, or the sample is alone.

    given: (N,) int64; pictures: (N,) int64, equal for samples that show the same picture, -1 for one alone.
    """
    scores = np.zeros(len(given), dtype=np.float32)
    is_shared = pictures >= 0
    if is_shared.any():
        of_picture, votes = _votes(given[is_shared], pictures[is_shared], num_classes=int(given.max()) + 1)
        scores[is_shared] = 1 - votes[of_picture, given[is_shared]] / votes.sum(axis=1)[of_picture]
    return scores


def posterior_with_duplicates(
    noise: NoiseModel, probs: np.ndarray, given: np.ndarray, pictures: np.ndarray
) -> np.ndarray:
    """The probability of each class given the image, its label and the labels of the same picture: (N, K) float64,
    rows sum to 1.

    Samples whose picture has differing labels share one true class, unless their labels speak against that more than
    `SAME_CLASS` for it; each label is one more draw of the noise model, and what the images show is averaged (their
    evidence is the same evidence). The others have `noise.posterior`. The transition is estimated once more in
    between: labels that contradict each other show the noise as no single label can.
    probs: (N, K), rows sum to 1, as the noise model was fitted to; given, pictures: as in `conflict_score`.
    Measured on 1,703 lung tiles, four of each picture, ImageNet features, average precision without and with: 20 %
    `idn` 0.951 and 0.987, 10 % `boundary` 0.809 and 0.968.
    """
    own = noise.posterior(probs, given)
    num_classes = own.shape[1]
    is_member = np.flatnonzero(pictures >= 0)
    of_picture, votes = _votes(given[is_member], pictures[is_member], num_classes=num_classes)
    is_conflict = ((votes > 0).sum(axis=1) > 1)[of_picture]
    members = is_member[is_conflict]
    if not len(members):
        return own
    places = np.unique(of_picture[is_conflict], return_inverse=True)[1]
    sharp = replace(noise, blur=0.0)
    first = _shared(sharp, probs, given, members, places, sharp.posterior(probs, given))
    counts = _PRIOR * np.eye(num_classes)
    for label in range(num_classes):
        counts[:, label] += first[given == label].sum(axis=0)
    refitted = replace(sharp, transition=counts / counts.sum(axis=1, keepdims=True))
    refitted = blurred(refitted, probs, given, noise.error_rate(probs, given))
    return _shared(refitted, probs, given, members, places, own)


def _shared(
    noise: NoiseModel, probs: np.ndarray, given: np.ndarray, members: np.ndarray, places: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """`own`, but for the members of pictures. members: dataset indices; places: the picture of each, from 0."""
    labels = given[members]
    # The geometric mean of what the picture's images show.
    shown = np.log(noise.class_probs(probs[members]) + _SMALLEST)
    shown = _sums(shown, places) / np.bincount(places)[:, None]
    shown = np.exp(shown - np.logaddexp.reduce(shown, axis=1, keepdims=True))
    true, redrawn = noise.unblurred(shown)
    of_label = noise.label_probs(redrawn[places], labels)
    joint = np.log(true + _SMALLEST) + _sums(np.log(np.maximum(of_label, _SMALLEST)), places)
    together = np.logaddexp.reduce(joint, axis=1)
    apart = np.bincount(places, weights=noise.log_probs(probs[members], labels))
    odds = np.log(SAME_CLASS / (1 - SAME_CLASS)) + together - apart
    share = 1 / (1 + np.exp(-odds.clip(-50, 50)))[places, None]
    posterior = own.copy()
    posterior[members] = share * np.exp(joint - together[:, None])[places] + (1 - share) * own[members]
    return posterior


def _votes(given: np.ndarray, pictures: np.ndarray, *, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """The place of each sample's picture, from 0, and how often it has each label, (P, K)."""
    names, places = np.unique(pictures, return_inverse=True)
    votes = np.zeros((len(names), num_classes))
    np.add.at(votes, (places, given), 1)
    return places, votes


def _sums(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    sums = np.zeros((places.max() + 1, values.shape[1]))
    np.add.at(sums, places, values)
    return sums
