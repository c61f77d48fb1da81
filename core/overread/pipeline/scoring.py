"""Scores every label as the run's preset prescribes: the rows of scores.csv."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from overread.detection.chance import is_better_than_chance
from overread.detection.cross_validation import cross_validated_probs
from overread.detection.detection_data import DetectionData
from overread.detection.error_range import ErrorRange
from overread.detection.judgement import Judgement, judge
from overread.detection.label_quality import self_confidence_score
from overread.detection.paper_scores import round_probs
from overread.detection.proposal_kinds import isolation_score, proposal_kinds
from overread.detection.proposal_set import proposable
from overread.phases import Stage, StageKind
from overread.pipeline.retraining import write_comparison
from overread.pipeline.run_inputs import Inputs
from overread.pipeline.run_plan import RunPlan
from overread.proposals.belief import Belief, weak_features
from overread.proposals.score_table import consensus_columns, score_table
from overread.studies.run import Run
from overread.verified_labels import VerifiedLabels

if TYPE_CHECKING:
    from overread.training.progress_log import ProgressLog
    from overread.training.trace import Trace


def score_run(
    run: Run,
    plan: RunPlan,
    inputs: Inputs,
    trace: "Trace",
    shown: dict[str, np.ndarray],
    progress: "ProgressLog",
    *,
    is_again: bool = False,
) -> tuple[pd.DataFrame, ErrorRange | None]:
    """scores.csv, and the range of its probabilities, None for presets without a noise model. The iterations of
    self-training are added to the trace; after review the run is compared with the one before it. shown: the arrays of
    `evidence`. is_again: the samples were scored before, without the networks: only what these change is told."""
    given, judgement = inputs.given, None
    if plan.settings.refinement.num_folds:
        judgement = _judged(run, plan, inputs, trace, progress)
        _record_iterations(judgement, plan, given, trace)
        if not is_again:
            _tell_iterations(judgement, inputs, plan, trace, progress)
        if trace.cross_fitted is not None and not plan.retraining:
            progress.emit("note", message=_networks_worth(judgement))
        probs, proposed = judgement.probs, judgement.proposed
        scores = judgement.scores | {"isolation": isolation_score(shown["isolation"], plan.settings.proposals)}
    else:
        probs, proposed, scores = _averaged(plan, inputs, trace)
    kinds = proposal_kinds(probs, given, proposed, shown["isolation"], shown["pictures"], plan.settings.proposals)
    words = {"kind": [str(kind) for kind in kinds]}
    if judgement:
        words |= consensus_columns(judgement.consensus, inputs.classes)
    ids = inputs.samples["sample_id"]
    table = score_table(ids, given, inputs.classes, probs=probs, proposed=proposed, scores=scores, words=words)
    return table, judgement.error_range if judgement else None


def _judged(run: Run, plan: RunPlan, inputs: Inputs, trace: "Trace", progress: "ProgressLog") -> Judgement:
    """By the trace's features and its cross-fitted networks, if there are any."""
    data = replace(
        _detection_data(inputs, trace),
        network_probs=trace.cross_fitted,
        network_stage_probs=np.stack(list(trace.cross_fitted_stages.values())) if trace.cross_fitted_stages else None,
        votes=inputs.votes,
        duplicate_groups=inputs.duplicate_groups,
    )

    def judged(verified: VerifiedLabels | None, begin: float, end: float) -> Judgement:
        return judge(
            replace(data, verified=verified),
            plan.settings.detection,
            seed=plan.seed,
            on_progress=lambda fraction: progress.emit("scoring", fraction=round(begin + (end - begin) * fraction, 3)),
        )

    retraining = plan.retraining
    if not retraining:
        return judged(None, 0, 1)
    judgement = judged(retraining.verified, 0, 0.5)
    comparison = retraining.compare(
        inputs.samples,
        inputs.given,
        plan.settings.comparison,
        judge=lambda fewer: self_confidence_score(judged(fewer, 0.5, 1).probs, inputs.given),
    )
    write_comparison(run, comparison)
    return judgement


def _detection_data(inputs: Inputs, trace: "Trace") -> DetectionData:
    return DetectionData(
        features=trace.features,
        given=inputs.given,
        groups=inputs.groups,
        is_trained=inputs.is_trained,
        num_classes=len(inputs.classes),
    )


def _record_iterations(judgement: Judgement, plan: RunPlan, given: np.ndarray, trace: "Trace") -> None:
    """Add each iteration of self-training to the trace."""
    for epoch, probs in trace.cross_fitted_stages.items():
        trace.add_stage(Stage(StageKind.NETWORKS, epoch=epoch), probs)
    if trace.cross_fitted is not None:
        trace.add_stage(Stage(StageKind.NETWORKS), trace.cross_fitted)
    for number, each in enumerate(judgement.self_training.iterations):
        likeliest = each.posterior(given).argmax(axis=1)
        labels = plan.retraining.verified.labels(likeliest) if plan.retraining else likeliest
        trace.add_iteration(Stage(StageKind.SELF_TRAINING, number), each.probs, labels)
    trace.add_stage(Stage(StageKind.TOGETHER), judgement.result.probs)


def _tell_iterations(
    judgement: Judgement, inputs: Inputs, plan: RunPlan, trace: "Trace", progress: "ProgressLog"
) -> None:
    """Tell of each iteration of self-training, and why it stopped."""
    training = judgement.self_training
    num_iterations = len(training.iterations)
    for number, each in enumerate(training.iterations):
        progress.emit(
            "round",
            round=number,
            num_reliable=int(trace.is_consensus[number - num_iterations].sum()),
            **each.figures(inputs.given),
            is_chosen=number == training.chosen,
        )
    rate = training.error_rate
    share = rate.is_covered.mean()
    among = "" if rate.is_covered.all() else f" among the {share:.0%} least ambiguous images"
    estimate = f"estimated share of wrong labels{among}, from two views of the images: {rate.share:.1%}"
    progress.emit("note", message=f"Self-training: {training.reason}; {estimate}.")
    for note in (
        *_range_notes(judgement, inputs.given, plan),
        *judgement.limits.notes(inputs.classes),
    ):
        progress.emit("note", message=note)
    if judgement.copy_prob is not None:
        copy = f"the second is assumed to be a copy of the first with a probability of {judgement.copy_prob:.0%}"
        progress.emit("note", message=f"Where duplicates have several labels, {copy}.")


def _range_notes(judgement: Judgement, given: np.ndarray, plan: RunPlan) -> list[str]:
    """What the noise models that cannot be ruled out expect, for the run's notes."""
    is_proposed, everyone = judgement.proposed != given, np.ones(len(given), dtype=bool)
    error_probability = 1 - judgement.probs[np.arange(len(given)), given]
    everything, proposals = (
        Belief.of(error_probability, judgement.error_range, mask) for mask in (everyone, is_proposed)
    )
    notes = [f"Expected wrong labels: {error_probability.sum():.0f}; {everything.number} is plausible."]
    if is_proposed.any():
        notes.append(f"Of the {is_proposed.sum()} proposals, {proposals.share} are expected to be wrong labels.")
        if error_probability[is_proposed].mean() < plan.settings.refinement.min_precision:
            notes.append(
                "Few labels are almost certainly wrong, but many are contradicted. These are proposed; how many of "
                "them are wrong is not known before you have read some."
            )
    if judgement.error_range.has_weak_features:
        notes.append(weak_features(judgement.error_range))
    return notes


def _networks_worth(judgement: Judgement) -> str:
    """Whether the networks were worth their time, for the run's notes."""
    before, after = judgement.self_training.result.log_likelihood, judgement.result.log_likelihood
    if not judgement.result.network_weight:
        return (
            "Networks: they do not make the held-out labels more likely, so the proposals stay those of the features."
        )
    return (
        f"Networks: they make the held-out labels more likely ({after:.4f} nats per label, {before:.4f} before), and "
        f"count with a weight of {judgement.result.network_weight:.2f}."
    )


def _averaged(plan: RunPlan, inputs: Inputs, trace: "Trace") -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Probabilities, proposed labels and scores of the presets that judge by the network's rounds: the mean over the
    rounds, as in the paper, averaged with the cross-validated probabilities if those are on."""
    given, num_classes = inputs.given, len(inputs.classes)
    by_scorer = round_probs(np.stack(trace.stage_probs), trace.stages)
    probs = by_scorer["rounds"]
    proposed = trace.pseudo_labels[-1]
    if plan.settings.cross_validation.num_folds:
        data = _detection_data(inputs, trace)
        by_scorer["cross_validated"] = cross_validated_probs(data, plan.settings.cross_validation, seed=plan.seed)
        trained = data.trained
        if is_better_than_chance(
            by_scorer["cross_validated"][trained],
            given[trained],
            inputs.groups[trained],
            min_standard_errors=plan.settings.proposals.min_standard_errors,
        ):
            probs = np.asarray(np.mean([probs, by_scorer["cross_validated"]], axis=0, dtype=np.float64))
            proposed = probs.argmax(axis=1)
        else:
            proposed = given
    proposed = np.where(proposable(given, inputs.is_trained, num_classes), proposed, given)
    return probs, proposed, {name: self_confidence_score(p, given) for name, p in by_scorer.items()}
