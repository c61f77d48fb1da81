"""The settings of training networks: a frozen dataclass per stage of the method, checked once.

Each field's docstring says what it does and its unit; `setting_list.py` reads them for the documentation.
"""

import math
from dataclasses import dataclass

from overread.setting_checks import check_settings

ENCODERS = ("narrow", "resnet18", "resnet34", "resnet50")
OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("constant", "cosine")
STEMS = ("auto", "small", "standard")
THRESHOLDS = ("fixed", "gmm", "quantile", "otsu")
SMALL_STEM_UP_TO_PX = 64


@dataclass(frozen=True)
class ModelSettings:
    """The network."""

    encoder: str = "resnet18"
    """narrow (made for CPUs), resnet18, resnet34 or resnet50."""
    image_size_px: int = 224
    """Side length of the network's square input images, in pixels; at most that of the pixel cache."""
    precision: str = "bf16"
    """bf16 or fp32; bf16 is used only if the device supports it."""
    stem: str = "auto"
    """The first layers. standard: the published ones, which halve the image once (narrow) or twice (the others). small:
    one 3 x 3 convolution that keeps its size, as is usual for images of 32 px. auto: small for resnet18, 34 and 50 on
    images up to 64 px."""

    def __post_init__(self) -> None:
        # From 16 px down the last stage strides over a single pixel, and there a CPU's bf16 convolutions leave
        # whatever the memory held in the gradients of the taps that meet no pixel.
        rules = (
            ("encoder", self.encoder in ENCODERS, f"one of {', '.join(ENCODERS)}"),
            ("image_size_px", 32 <= self.image_size_px <= 1024, "from 32 to 1024"),
            ("precision", self.precision in ("bf16", "fp32"), "bf16 or fp32"),
            ("stem", self.stem in STEMS, f"one of {', '.join(STEMS)}"),
        )
        check_settings("model", self, rules)

    @property
    def has_small_stem(self) -> bool:
        is_small = self.image_size_px <= SMALL_STEM_UP_TO_PX and self.encoder != "narrow"
        return self.stem == "small" or (self.stem == "auto" and is_small)


@dataclass(frozen=True)
class PretrainSettings:
    """Self-supervised pretraining with SimCLR (Chen et al. 2020)."""

    num_epochs: int = 30
    """Epochs; 0 skips pretraining."""
    batch_size: int = 256
    """Images per batch; fewer in small studies, except in paper."""
    learning_rate: float = 1e-3
    """Learning rate of AdamW; above 0."""
    weight_decay: float = 1e-4
    """Weight decay of AdamW; at least 0."""
    temperature: float = 0.5
    """Temperature of the NT-Xent loss; above 0."""
    projection_size: int = 128
    """Outputs of the projection head."""
    flip: bool = False
    """Whether views are also mirrored. Off as in the paper, since left and right may matter."""

    def __post_init__(self) -> None:
        rules = (
            ("num_epochs", self.num_epochs >= 0, "at least 0"),
            ("batch_size", self.batch_size >= 2, "at least 2"),
            ("learning_rate", self.learning_rate > 0, "above 0"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
            ("temperature", self.temperature > 0, "above 0"),
            ("projection_size", self.projection_size >= 1, "at least 1"),
        )
        check_settings("pretrain", self, rules)


@dataclass(frozen=True)
class WarmupSettings:
    """Cross-entropy on the given labels. The rounds use the same batch size and optimiser."""

    num_epochs: int = 5
    """Epochs."""
    batch_size: int = 128
    """Images per batch; fewer in small studies, except in paper."""
    optimizer: str = "adamw"
    """adamw, adam or sgd (with momentum 0.9)."""
    learning_rate: float = 1e-3
    """Learning rate, above 0; sgd needs one about ten times that of the others."""
    weight_decay: float = 1e-4
    """Weight decay; at least 0."""
    schedule: str = "constant"
    """The learning rate over the epochs of warm-up, rounds and final phase, or over those of each cross-fitted network.
    constant, or cosine: falling to nearly 0 at the end."""

    def __post_init__(self) -> None:
        # In batches of two, three images would leave one alone, which batch normalisation cannot take.
        rules = (
            ("num_epochs", self.num_epochs >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 3, "at least 3"),
            ("optimizer", self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}"),
            ("schedule", self.schedule in SCHEDULES, f"one of {', '.join(SCHEDULES)}"),
            ("learning_rate", self.learning_rate > 0, "above 0"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
        )
        check_settings("warmup", self, rules)


@dataclass(frozen=True)
class RoundsSettings:
    """Iterative refinement of the labels with stage-wise consensus, as in the paper."""

    num_epochs: tuple[int, ...] = (4, 7, 7)
    """Epochs of each round; empty: the network stops after the warm-up."""
    first_stages: tuple[int, ...] = (2, 3, 4)
    """Epochs of the first round after which the whole dataset is predicted."""
    later_stages: tuple[int, ...] = (2, 5, 7)
    """The same for every later round."""
    max_loss: float = -math.log(0.85)
    """Loss, in nats, below which a sample is reliable at a stage. The default is ours: the paper does not say."""
    threshold: str = "fixed"
    """How that threshold is set. fixed: max_loss. gmm, quantile or otsu: per class, from its losses at the stage, and
    max_loss if those give no threshold."""
    quantile: float = 0.5
    """Share of each class's losses below the threshold, if it is quantile; between 0 and 1."""
    reliability: str = "predicted"
    """Which loss is used: that of the predicted class (predicted), or of the given label (given)."""
    fallback: str = "given"
    """The label of a sample without consensus: given, or current (its last pseudo-label)."""
    strong: str = "consensus"
    """Which samples get strong augmentation in the rounds: those with a consensus (consensus), all or none."""
    weighting: str = "rounds"
    """When cross-entropy is weighted by confidence: in all rounds (rounds), or only in a final phase (final)."""
    weight: str = "max"
    """The confidence used as weight: max (of the predicted class), target (of the target class), or none."""
    num_final_epochs: int = 0
    """Epochs of a final phase of fine-tuning on the last pseudo-labels, weighted by confidence; at least 1 if weighting
    is final."""

    def __post_init__(self) -> None:
        def stage_rule(name: str, stages: tuple[int, ...], longest: int) -> tuple[str, bool, str]:
            is_rising = bool(stages) and list(stages) == sorted(set(stages))
            wanted = f"rising epochs from 1 to {longest}, the length of the round"
            return name, is_rising and all(1 <= stage <= longest for stage in stages), wanted

        rules = (
            stage_rule("first_stages", self.first_stages, next(iter(self.num_epochs), 10**6)),
            stage_rule("later_stages", self.later_stages, min(self.num_epochs[1:], default=10**6)),
            ("max_loss", self.max_loss > 0, "above 0"),
            ("threshold", self.threshold in THRESHOLDS, f"one of {', '.join(THRESHOLDS)}"),
            ("quantile", 0 < self.quantile < 1, "between 0 and 1"),
            ("reliability", self.reliability in ("predicted", "given"), "predicted or given"),
            ("fallback", self.fallback in ("given", "current"), "given or current"),
            ("strong", self.strong in ("consensus", "all", "none"), "consensus, all or none"),
            ("weighting", self.weighting in ("rounds", "final"), "rounds or final"),
            ("weight", self.weight in ("max", "target", "none"), "max, target or none"),
            ("num_final_epochs", self.num_final_epochs >= 0, "at least 0"),
            (
                "num_final_epochs",
                self.weighting == "rounds" or self.num_final_epochs > 0,
                "at least 1 where rounds.weighting is final",
            ),
        )
        check_settings("rounds", self, rules)

    def stages(self, round_index: int) -> tuple[int, ...]:
        """The monitored epochs (from 1) of a round (from 0)."""
        return self.first_stages if round_index == 0 else self.later_stages


@dataclass(frozen=True)
class CrossFittingSettings:
    """Networks fine-tuned from the pretrained one as in the warm-up, each leaving out a fold that it then predicts."""

    num_folds: int = 0
    """Folds; 0 turns these networks off."""
    condition: str = "auto"
    """When they are trained. auto: on a GPU always; on a CPU, beside features from elsewhere, only if a trial network
    makes the labels of a held-out fold more likely. always: always."""
    min_standard_errors: float = 2.0
    """By how many standard errors the trial network has to do so, at least 0."""
    num_epochs: int = 8
    """Epochs of each network."""
    num_averaged: int = 3
    """Last epochs whose predictions are averaged."""
    stages: tuple[int, ...] = (2, 5, 7)
    """Epochs after which each network is asked for the consensus; those that it does not reach count as its last."""

    def __post_init__(self) -> None:
        rules = (
            ("num_folds", self.num_folds == 0 or self.num_folds >= 2, "0 or >= 2"),
            ("condition", self.condition in ("auto", "always"), "auto or always"),
            ("min_standard_errors", self.min_standard_errors >= 0, "at least 0"),
            ("num_epochs", self.num_epochs >= 1, "at least 1"),
            ("num_averaged", self.num_averaged >= 1, "at least 1"),
            ("stages", bool(self.stages) and min(self.stages) >= 1, "some, at least 1"),
        )
        check_settings("cross_fitting", self, rules)

    @property
    def reached_stages(self) -> tuple[int, ...]:
        """The epochs of `stages`, rising."""
        return tuple(sorted({min(stage, self.num_epochs) for stage in self.stages}))
