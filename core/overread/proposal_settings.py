"""The settings of proposals and of everything that depends on verdicts: a frozen dataclass per part, checked once."""

import math
from dataclasses import dataclass

from overread.setting_checks import check_settings


@dataclass(frozen=True)
class ProposalSettings:
    """Which samples are proposed, and what is said about them."""

    min_standard_errors: float = 2.0
    """By how many standard errors out-of-fold predictions must be better than chance for any label to be scored. Pure
    noise passes in 1 to 3 of 100 synthetic studies; on the benchmark's 16 cells it is 6 or more."""
    min_recall: float = 0.3
    """Expected share of the wrong labels that the proposals must contain, in [0, 1]; otherwise min_precision is
    ignored, and all labels are proposed that are more likely wrong than right, or, if there are none, as many as are
    expected to be wrong."""
    ambiguous_ratio: float = 0.5
    """A proposal is ambiguous if its second most likely class has at least this share of the first one's probability;
    in [0, 1]."""
    isolation_neighbour: int = 60
    """Rank of the neighbour whose distance measures a sample's isolation: higher than the few dozen images of another
    kind that may be close to each other."""
    min_isolation: float = 3.0
    """Isolation at or above which a proposal is an outlier, in robust standard deviations above the study's median."""
    num_shown: int = 6
    """Similar images kept as evidence for each sample."""

    def __post_init__(self) -> None:
        rules = (
            ("min_standard_errors", math.isfinite(self.min_standard_errors), "a finite number"),
            ("min_isolation", math.isfinite(self.min_isolation), "a finite number"),
            ("min_recall", 0 <= self.min_recall <= 1, "from 0 to 1"),
            ("ambiguous_ratio", 0 <= self.ambiguous_ratio <= 1, "from 0 to 1"),
            ("isolation_neighbour", self.isolation_neighbour >= self.num_shown, "at least proposals.num_shown"),
            ("num_shown", self.num_shown >= 1, "at least 1"),
        )
        check_settings("proposals", self, rules)


@dataclass(frozen=True)
class LimitSettings:
    """When a study's limits are pointed out, and what follows from them."""

    min_class_groups: float = 3.0
    """Patients or slides, in effect, that each class needs to be judged by other patients or slides, if these hold one
    class each; with fewer, labels are judged within them. The benchmark's cells of this kind have 1.2 to 2.5, all
    others 8.7 or more."""
    min_class_size: int = 20
    """Labels below which a class counts as having few."""
    min_samples: int = 200
    """Samples below which a study counts as small."""

    def __post_init__(self) -> None:
        rules = (
            ("min_class_groups", self.min_class_groups >= 0, "at least 0"),
            ("min_class_size", self.min_class_size >= 0, "at least 0"),
            ("min_samples", self.min_samples >= 0, "at least 0"),
        )
        check_settings("limits", self, rules)


@dataclass(frozen=True)
class CalibrationSettings:
    """Recalibration of label-error probabilities on verdicts, and how well they are calibrated."""

    prior_spread: tuple[float, ...] = (0.3, 0.5, 0.7)
    """Prior standard deviations of the calibration map's log slope near 0, log slope near 1, and shift in logits; each
    above 0. Smaller numbers change the probabilities less."""
    min_verdicts: int = 20
    """Verdicts needed before pages show recalibrated probabilities; with 20, a share is known to within about 0.2."""
    verdicts_per_bin: int = 10
    """Verdicts for each bin of the calibration curve."""
    max_bins: int = 6
    """Maximum number of bins of the calibration curve."""
    num_folds: int = 10
    """Folds for evaluating the recalibration itself."""

    def __post_init__(self) -> None:
        is_spread = len(self.prior_spread) == 3 and min(self.prior_spread) > 0
        rules = (
            ("prior_spread", is_spread, "three numbers above 0"),
            ("min_verdicts", self.min_verdicts >= 1, "at least 1"),
            ("verdicts_per_bin", self.verdicts_per_bin >= 1, "at least 1"),
            ("max_bins", self.max_bins >= 1, "at least 1"),
            ("num_folds", self.num_folds >= 2, "at least 2"),
        )
        check_settings("calibration", self, rules)


@dataclass(frozen=True)
class ComparisonSettings:
    """How a run after review is compared with the previous run, on samples whose verdicts were held out."""

    min_samples: int = 20
    """Decided samples needed in total."""
    min_of_each: int = 5
    """Minimum number of wrong labels and of right labels: with only a few of one kind, a ranking shows nothing."""
    margin: float = 0.01
    """By how much average precision or Brier score must be worse for the run to be called worse."""
    num_resamples: int = 1000
    """Bootstrap resamples for the 95 % intervals."""

    def __post_init__(self) -> None:
        rules = (
            ("min_samples", self.min_samples >= 2, "at least 2"),
            ("min_of_each", self.min_of_each >= 1, "at least 1"),
            ("margin", self.margin >= 0, "at least 0"),
            ("num_resamples", self.num_resamples >= 1, "at least 1"),
        )
        check_settings("comparison", self, rules)
