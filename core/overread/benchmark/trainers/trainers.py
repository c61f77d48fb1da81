"""All training methods of the benchmark, by name."""

from dataclasses import dataclass

from overread.benchmark.trainers.co_teaching import CO_TEACHING_RECIPE, train_by_co_teaching
from overread.benchmark.trainers.cross_entropy import train_by_cross_entropy
from overread.benchmark.trainers.disc import DISC_RECIPE, train_by_disc
from overread.benchmark.trainers.dividemix import DIVIDEMIX_RECIPE, train_by_dividemix
from overread.benchmark.trainers.elr_plus import ELR_PLUS_RECIPE, train_by_elr_plus
from overread.benchmark.trainers.forward_correction import train_with_forward_correction
from overread.benchmark.trainers.jocor import JOCOR_RECIPE, train_by_jocor
from overread.benchmark.trainers.linear_probe import train_linear_probe
from overread.benchmark.trainers.mentornet import train_by_mentornet_pd
from overread.benchmark.trainers.ours import train_by_overread, train_by_paper, train_overread_probe
from overread.benchmark.trainers.symmetric_cross_entropy import train_by_symmetric_cross_entropy
from overread.benchmark.trainers.training_problem import Recipe, Trainer


@dataclass(frozen=True)
class TrainingMethod:
    """One way to train a classifier on labels some of which are wrong."""

    train: Trainer
    title: str
    """As tables have it."""
    citation: str
    """Authors, year, title, venue; of what is no paper's, what it is."""
    own_recipe: Recipe | None = None
    """The paper's for CIFAR-10, for a row with its own settings; None where there is none."""
    is_told_noise_rate: bool = False
    """Looks at `TrainingProblem.noise_rate`, and needs it."""
    needs_features: bool = False
    """Looks at `TrainingProblem.features`, and needs them."""
    has_network: bool = True
    """Trains a network by the recipe; else a classifier on the features alone."""
    is_peer: bool = True
    """Somebody else's."""


_THIRDS = Recipe(120, 128, "sgd", learning_rate=0.01, weight_decay=1e-4, schedule="steps", milestones=(1 / 3, 2 / 3))
"""A tenth of the rate after epochs 40 and 80, in both papers."""

TRAINERS: dict[str, TrainingMethod] = {
    "cross_entropy": TrainingMethod(
        train_by_cross_entropy, "Cross-entropy", "The given labels, with nothing against wrong ones."
    ),
    "symmetric_cross_entropy": TrainingMethod(
        train_by_symmetric_cross_entropy,
        "Symmetric cross-entropy",
        "Wang et al. 2019, Symmetric Cross Entropy for Robust Learning with Noisy Labels, ICCV.",
        own_recipe=_THIRDS,
    ),
    "forward_correction": TrainingMethod(
        train_with_forward_correction,
        "Forward correction, estimated",
        "Patrini et al. 2017, Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach, CVPR.",
        own_recipe=_THIRDS,
    ),
    "mentornet_pd": TrainingMethod(
        train_by_mentornet_pd,
        "MentorNet PD",
        "Jiang et al. 2018, MentorNet: Learning Data-Driven Curriculum for Very Deep Neural Networks on Corrupted "
        "Labels, ICML. Its predefined curriculum, not the learned one, which needs clean labels.",
        # Of 39,000 steps at batches of 128, a tenth of the rate after 19,531, 25,000 and 30,000.
        own_recipe=Recipe(
            100,
            128,
            "sgd",
            learning_rate=0.1,
            weight_decay=2e-4,
            schedule="steps",
            milestones=(0.5, 0.64, 0.77),
        ),
    ),
    "co_teaching": TrainingMethod(
        train_by_co_teaching,
        "Co-teaching",
        "Han et al. 2018, Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels, NeurIPS.",
        own_recipe=CO_TEACHING_RECIPE,
        is_told_noise_rate=True,
    ),
    "jocor": TrainingMethod(
        train_by_jocor,
        "JoCoR",
        "Wei et al. 2020, Combating Noisy Labels by Agreement: A Joint Training Method with Co-Regularization, CVPR.",
        own_recipe=JOCOR_RECIPE,
        is_told_noise_rate=True,
    ),
    "dividemix": TrainingMethod(
        train_by_dividemix,
        "DivideMix",
        "Li et al. 2020, DivideMix: Learning with Noisy Labels as Semi-supervised Learning, ICLR.",
        own_recipe=DIVIDEMIX_RECIPE,
    ),
    "elr_plus": TrainingMethod(
        train_by_elr_plus,
        "ELR+",
        "Liu et al. 2020, Early-Learning Regularization Prevents Memorization of Noisy Labels, NeurIPS.",
        own_recipe=ELR_PLUS_RECIPE,
    ),
    "disc": TrainingMethod(
        train_by_disc,
        "DISC",
        "Li et al. 2023, DISC: Learning from Noisy Labels via Dynamic Instance-Specific Selection and Correction, "
        "CVPR.",
        own_recipe=DISC_RECIPE,
    ),
    "linear_probe": TrainingMethod(
        train_linear_probe,
        "Linear probe",
        "Logistic regression on frozen features, with nothing against wrong labels.",
        needs_features=True,
        has_network=False,
    ),
    "paper": TrainingMethod(
        train_by_paper,
        "Softmax-weighted pseudo-labels",
        "Bala, Gupta, Sethi, Softmax-Weighted Pseudo-Label Refinement for Enhancing Robustness to Label Noise.",
    ),
    "overread": TrainingMethod(
        train_by_overread,
        "Overread, network on judged labels",
        "A network on the label probabilities of the preset overread.",
        needs_features=True,
        is_peer=False,
    ),
    "overread_probe": TrainingMethod(
        train_overread_probe,
        "Overread, linear probe on judged labels",
        "Logistic regression on frozen features, fitted to the label probabilities of the preset overread.",
        needs_features=True,
        has_network=False,
        is_peer=False,
    ),
}
"""The row that every other is compared with comes first."""
