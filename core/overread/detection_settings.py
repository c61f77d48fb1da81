"""The settings of label-error detection: a frozen dataclass per part, checked once.

Each field's docstring says what it does and its unit; `setting_list.py` reads them for the documentation.
"""

from dataclasses import dataclass, field

from overread.proposal_settings import CalibrationSettings, LimitSettings, ProposalSettings
from overread.setting_checks import check_settings

FEATURES = ("simclr", "imagenet")


@dataclass(frozen=True)
class CrossValidationSettings:
    """Out-of-fold logistic regression on the frozen SimCLR features."""

    num_folds: int = 5
    """Folds; 0 turns this scorer off."""
    regularisation: float = 0.01
    """Inverse strength of the L2 penalty, as scikit-learn's C; above 0."""
    max_width: int = 256
    """Features wider than this are replaced by their principal components."""
    num_components: int = 128
    """Maximum number of principal components then kept."""

    def __post_init__(self) -> None:
        rules = (
            ("num_folds", self.num_folds == 0 or self.num_folds >= 2, "0 or >= 2"),
            ("regularisation", self.regularisation > 0, "above 0"),
            ("max_width", self.max_width >= 1, "at least 1"),
            ("num_components", self.num_components >= 1, "at least 1"),
        )
        check_settings("cross_validation", self, rules)


@dataclass(frozen=True)
class RefinementSettings:
    """Cross-fitted self-training on frozen features, which scores the labels."""

    num_folds: int = 0
    """Folds; 0 turns self-training off."""
    features: str = "simclr"
    """The features used. simclr: the run's own encoder. imagenet: an encoder trained on ImageNet, installed as a
    package; if that is not installed, simclr."""
    num_inner_folds: int = 3
    """Inner folds of each outer fold's training samples, which give their pseudo-labels."""
    num_repeats: int = 2
    """How often everything is repeated with different folds; the results are averaged."""
    max_rounds: int = 2
    """Iterations after the first, which is fitted to the given labels; used only after review."""
    strengths: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01)
    """Candidates for the inverse strength of the logistic regression's L2 penalty, as scikit-learn's C."""
    ridge_penalties: tuple[float, ...] = (100.0, 300.0, 1000.0, 3000.0, 10000.0)
    """Candidates for the ridge regression's L2 penalty, as scikit-learn's alpha."""
    num_neighbours: int = 15
    """Nearest neighbours whose probabilities are mixed in."""
    use_raters: bool = False
    """Whether individual raters' labels count in addition to the given label. Leave this off if the study will be
    evaluated against them."""
    min_precision: float = 0.8
    """Expected precision of the proposals, between 0 and 1."""
    num_components: int = 128
    """Maximum number of principal components of the features."""
    neighbour_weights: tuple[float, ...] = (0.0, 1 / 3, 2 / 3)
    """Candidates for the weight of the neighbours' mean, each in [0, 1]."""
    network_weights: tuple[float, ...] = (0.25, 0.5)
    """Candidates, in addition to 0, for the weight of the cross-fitted networks, each in [0, 1]; divided by 1 + the
    strength of the instance-dependent noise."""
    vote_smoothing: float = 1.0
    """Pseudo-votes per row of a rater's confusion matrix (Dawid and Skene), at least 0."""

    def __post_init__(self) -> None:
        def is_weight(weights: tuple[float, ...]) -> bool:
            return bool(weights) and all(0 <= weight <= 1 for weight in weights)

        rules = (
            ("num_folds", self.num_folds == 0 or self.num_folds >= 2, "0 or >= 2"),
            ("features", self.features in FEATURES, f"one of {', '.join(FEATURES)}"),
            ("num_inner_folds", self.num_inner_folds >= 2, "at least 2"),
            ("num_repeats", self.num_repeats >= 1, "at least 1"),
            ("max_rounds", self.max_rounds >= 0, "at least 0"),
            ("strengths", bool(self.strengths) and min(self.strengths) > 0, "some, above 0"),
            ("ridge_penalties", bool(self.ridge_penalties) and min(self.ridge_penalties) > 0, "some, above 0"),
            ("num_neighbours", self.num_neighbours >= 1, "at least 1"),
            ("min_precision", 0 < self.min_precision < 1, "between 0 and 1"),
            ("num_components", self.num_components >= 1, "at least 1"),
            ("neighbour_weights", is_weight(self.neighbour_weights), "some, from 0 to 1"),
            ("network_weights", is_weight(self.network_weights), "some, from 0 to 1"),
            ("vote_smoothing", self.vote_smoothing >= 0, "at least 0"),
        )
        check_settings("refinement", self, rules)


@dataclass(frozen=True)
class NoiseSettings:
    """The noise model: how given labels arise from true ones."""

    max_inverse_temperature: float = 16.0
    """Highest power to which a classifier's probabilities are raised; above 0."""
    min_inverse_temperature: float = 0.5
    """Lowest such power; above 0."""
    num_temperatures: int = 16
    """Candidates between the two, spaced evenly in their logarithm."""
    num_standard_errors: float = 1.0
    """By how many standard errors the likelihood of a simpler model may be below the best; at least 0."""
    final_num_standard_errors: float = 0.5
    """The same for the noise model that scores the labels."""
    min_samples: int = 500
    """Samples below which the most likely noise model scores the labels: in a small study a standard error is wide, and
    the sharpest model within it far too sharp."""
    shrinkage: float = 200.0
    """Weight, in samples, of uniform noise at the overall rate in each row of the transition matrix; at least 0."""
    off_diagonal_prior: float = 1.0
    """Pseudo-count, in labels, of each kind of error; above 0."""
    diagonal_prior: float = 2.0
    """Pseudo-count, in samples, of correctly labelled samples in each class; above 0."""
    max_instance_noise: float = 8.0
    """Largest strength of instance-dependent noise; at least 0. At 8 an image's most likely class has a probability of
    nearly one."""
    offset_spread: float = 2.0
    """Prior standard deviation of a class's offset, in logits; above 0."""
    offset_folds: int = 5
    """Folds by which it is decided whether offsets are used."""
    offset_standard_errors: float = 2.0
    """By how many standard errors offsets must make held-out labels likelier to be used; at least 0."""

    def __post_init__(self) -> None:
        rules = (
            ("min_inverse_temperature", self.min_inverse_temperature > 0, "above 0"),
            (
                "max_inverse_temperature",
                self.max_inverse_temperature >= self.min_inverse_temperature,
                "at least noise.min_inverse_temperature",
            ),
            ("num_temperatures", self.num_temperatures >= 1, "at least 1"),
            ("num_standard_errors", self.num_standard_errors >= 0, "at least 0"),
            ("final_num_standard_errors", self.final_num_standard_errors >= 0, "at least 0"),
            ("min_samples", self.min_samples >= 0, "at least 0"),
            ("shrinkage", self.shrinkage >= 0, "at least 0"),
            ("off_diagonal_prior", self.off_diagonal_prior > 0, "above 0"),
            ("diagonal_prior", self.diagonal_prior > 0, "above 0"),
            ("max_instance_noise", self.max_instance_noise >= 0, "at least 0"),
            ("offset_spread", self.offset_spread > 0, "above 0"),
            ("offset_folds", self.offset_folds >= 2, "at least 2"),
            ("offset_standard_errors", self.offset_standard_errors >= 0, "at least 0"),
        )
        check_settings("noise", self, rules)

    def scoring_tolerance(self, num_samples: int) -> float:
        """By how many standard errors the noise model that scores the labels may be less likely than the best."""
        return self.final_num_standard_errors if num_samples >= self.min_samples else 0.0


@dataclass(frozen=True)
class ErrorRateSettings:
    """The estimate of the share of wrong labels from two views of the images."""

    num_rotations: int = 4
    """Random pairs of views; their estimates are averaged."""
    agreement_range: tuple[float, ...] = (0.25, 0.4)
    """Agreement of the views beyond chance below which the estimate is ignored, and above which it counts fully; each
    in [0, 1]. Views that hardly agree are misled in the same way. Chosen on the benchmark's cells."""
    num_strata: int = 5
    """With two classes: strata of confidence; the least confident one is left out."""
    min_stratum_size: int = 100
    """Minimum number of samples per stratum; with fewer, a single stratum is used."""
    num_folds: int = 5
    """Folds of the views' ridge regression."""
    samples_per_feature: int = 5
    """Samples needed for each principal component that is used."""
    ridge_penalty: float = 10.0
    """L2 penalty of the views' ridge regression, as scikit-learn's alpha, on features of variance 1; above 0."""
    min_variance: float = 0.05
    """Share of the mean variance below which a direction is not scaled up further; above 0."""
    diagonal_prior: float = 2.0
    """Pseudo-count, in samples, of correct samples in each class, for the labels and each view; at least 0."""
    num_estimates: int = 2
    """How often it is estimated: it depends on the estimated true classes, and they depend on it."""
    spread: float = 0.02
    """Standard deviation of what the estimate exceeds the noise model's own by where there is no instance-dependent
    noise, as a share of the labels, beside that by chance; above 0. Chosen on 34 sets of two to five classes."""
    spread_two_classes: float = 0.008
    """The same with two classes."""
    max_excess: float = 0.3
    """Largest such excess that instance-dependent noise leads to; above 0."""
    max_instance_noise_share: float = 0.1
    """With three classes or more: share of the labels that instance-dependent noise may make wrong. A higher
    estimate means that some classes look alike in the features."""

    def __post_init__(self) -> None:
        is_range = len(self.agreement_range) == 2 and 0 <= self.agreement_range[0] < self.agreement_range[1] <= 1
        rules = (
            ("num_rotations", self.num_rotations >= 1, "at least 1"),
            ("agreement_range", is_range, "two rising numbers from 0 to 1"),
            ("num_strata", self.num_strata >= 1, "at least 1"),
            ("min_stratum_size", self.min_stratum_size >= 1, "at least 1"),
            ("num_folds", self.num_folds >= 2, "at least 2"),
            ("samples_per_feature", self.samples_per_feature >= 1, "at least 1"),
            ("ridge_penalty", self.ridge_penalty > 0, "above 0"),
            ("min_variance", self.min_variance > 0, "above 0"),
            ("diagonal_prior", self.diagonal_prior >= 0, "at least 0"),
            ("num_estimates", self.num_estimates >= 1, "at least 1"),
            ("spread", self.spread > 0, "above 0"),
            ("spread_two_classes", self.spread_two_classes > 0, "above 0"),
            ("max_excess", self.max_excess > 0, "above 0"),
            ("max_instance_noise_share", 0 <= self.max_instance_noise_share <= 1, "from 0 to 1"),
        )
        check_settings("error_rate", self, rules)


@dataclass(frozen=True)
class DuplicateSettings:
    """What the labels of near-duplicates say about each other."""

    same_class_prob: float = 0.98
    """Prior probability that near-duplicates have the same class, between 0 and 1: two of them may
    share only a part, or be linked through a third."""
    copy_probs: tuple[float, ...] = (0.99, 0.9, 0.5, 0.2, 0.1, 0.05, 0.0)
    """Candidates for the probability that a group's second label is a copy of its first, descending, each in [0, 1)."""
    min_evidence_nats: float = 1.0
    """Log-likelihood ratio, in nats, needed to assume less copying; at least 0."""

    def __post_init__(self) -> None:
        is_falling = list(self.copy_probs) == sorted(set(self.copy_probs), reverse=True)
        is_prob = bool(self.copy_probs) and all(0 <= prob < 1 for prob in self.copy_probs)
        rules = (
            ("same_class_prob", 0 < self.same_class_prob < 1, "between 0 and 1"),
            ("copy_probs", is_falling and is_prob, "falling numbers from 0 to below 1"),
            ("min_evidence_nats", self.min_evidence_nats >= 0, "at least 0"),
        )
        check_settings("duplicates", self, rules)


@dataclass(frozen=True)
class DynamicsSettings:
    """The linear head whose training dynamics are scored."""

    num_epochs: int = 20
    """Epochs."""
    batch_size: int = 128
    """Approximate number of samples per batch."""
    learning_rate: float = 0.3
    """Learning rate of SGD, on features of mean squared length 1; above 0."""
    momentum: float = 0.9
    """Momentum of SGD, in [0, 1)."""

    def __post_init__(self) -> None:
        rules = (
            ("num_epochs", self.num_epochs >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "above 0"),
            ("momentum", 0 <= self.momentum < 1, "from 0 to below 1"),
        )
        check_settings("dynamics", self, rules)


@dataclass(frozen=True)
class ConsensusSettings:
    """Consensus of models that never saw the sample's label. It is shown to readers, and changes no probability."""

    min_ratio: float = 2.5
    """How many times as likely as any other class a model must find a class to be sure of it; above 1."""

    def __post_init__(self) -> None:
        check_settings("consensus", self, (("min_ratio", self.min_ratio > 1, "above 1"),))


@dataclass(frozen=True)
class NeighbourSettings:
    """The search for nearest neighbours."""

    faiss_from: int = 20_000
    """Queries above which faiss is used if it is installed; it is then several times faster than brute force."""
    approximate_from: int = 20_000
    """Samples above which faiss searches a graph of neighbours, so the result is approximate."""

    def __post_init__(self) -> None:
        rules = (
            ("faiss_from", self.faiss_from >= 0, "at least 0"),
            ("approximate_from", self.approximate_from >= 0, "at least 0"),
        )
        check_settings("neighbours", self, rules)


@dataclass(frozen=True)
class DetectionSettings:
    """Everything that judging labels depends on."""

    refinement: RefinementSettings = field(default_factory=lambda: RefinementSettings(num_folds=5))
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    error_rate: ErrorRateSettings = field(default_factory=ErrorRateSettings)
    duplicates: DuplicateSettings = field(default_factory=DuplicateSettings)
    dynamics: DynamicsSettings = field(default_factory=DynamicsSettings)
    consensus: ConsensusSettings = field(default_factory=ConsensusSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    neighbours: NeighbourSettings = field(default_factory=NeighbourSettings)
    proposals: ProposalSettings = field(default_factory=ProposalSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
