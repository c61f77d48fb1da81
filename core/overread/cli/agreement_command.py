"""The command that measures how far raters and readers agree."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from overread.cli.arguments import Json, Seed, StudyPath
from overread.cli.terminal import print_result


def agreement(
    study: StudyPath,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples for the 95 % intervals.", min=0)] = 1000,
    truth: Annotated[
        Path | None, typer.Option(help="CSV with true_label, as for evaluate: which blind readings were right.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure how far raters and readers agree beyond chance and readers with themselves, whether blind readings were
    changed afterwards, and how grave readers found the wrong labels."""
    from overread.checks.agreement import GIVEN_LABEL
    from overread.checks.agreement_coefficients import Estimate
    from overread.pipeline.evaluation import read_truth
    from overread.pipeline.study_agreement import measure_agreement
    from overread.pipeline.study_ledger import open_ledger
    from overread.review.anchoring import anchoring
    from overread.review.grades import grades_by_pair
    from overread.studies.study import open_study

    opened = open_study(study)
    ledger = open_ledger(opened)
    decisions = ledger.decisions()
    changed = anchoring(ledger.readings(), decisions, read_truth(opened, truth) if truth else None)
    measured = measure_agreement(opened, ledger=ledger, num_resamples=resamples, seed=seed)
    everyone, again = measured.everyone, measured.consistency

    def described(name: str, value: Estimate) -> str:
        if math.isnan(value.value):
            return f"{name:{width}}   not defined  {value.num_samples} samples"
        return f"{name:{width}}{value.value:6.3f}  [{value.low:.3f}, {value.high:.3f}]  {value.num_samples} samples"

    named = [(f"Cohen's kappa, {pair.first} and {pair.second}", pair.kappa) for pair in everyone.pairs]
    named += [(f"PABAK, {pair.first} and {pair.second}", pair.pabak) for pair in everyone.pairs]
    between = [pair for pair in everyone.pairs if pair.second != GIVEN_LABEL]
    named += [
        (f"{kind} agreement on {of_class.label}, {pair.first} and {pair.second}", getattr(of_class, kind))
        for pair in between
        for of_class in pair.by_class
        for kind in ("positive", "negative")
    ]
    for panel, of_panel in {"": everyone, **measured.panels}.items():
        among = f", {panel} alone" if panel else ""
        named += [(f"Fleiss' kappa{among}", of_panel.fleiss_kappa)]
        named += [(f"Krippendorff's alpha{among}", of_panel.krippendorff_alpha)]
    named += [(f"Cohen's kappa, {pair.first} again", pair.kappa) for pair in again]
    width = max(len(name) for name, _ in named) + 2
    lines = [described(name, value) for name, value in named]
    lines.append(f"they disagree on {everyone.num_disputed} of {everyone.krippendorff_alpha.num_samples} samples:")
    lines += [f"  {name}: {share:.1%}" for name, share in everyone.share_disputed.items()]
    lines.append(f"intervals: 95 %, {resamples} resamples of {everyone.num_groups} patients, slides or single samples")
    if measured.num_reader_labels:
        lines.append(
            f"readers: {measured.num_blind} of their {measured.num_reader_labels} labels were read blind; the others "
            "come from verdicts that were given with the given label and the model's in view"
        )
    lines += [
        f"{pair.first}: the same label for {pair.share_equal:.1%} of {pair.kappa.num_samples} samples that came again"
        for pair in again
    ]
    if changed.num_readings:
        lines.append(
            f"of {changed.num_readings} blind readings with a verdict: {changed.num_kept} kept, {changed.num_to_model} "
            f"moved to the model's label (of {changed.num_against_model} that differed from it), "
            f"{changed.num_to_given} to the given one, {changed.num_to_other} to another"
        )
    if changed.num_right + changed.num_wrong:
        lines.append(
            f"by the true labels: {changed.num_right_turned_wrong} of {changed.num_right} right readings turned wrong, "
            f"{changed.num_wrong_mended} of {changed.num_wrong} wrong ones mended"
        )
    if graded := grades_by_pair(decisions):
        lines.append("grades of the wrong labels, by class pair:")
    for pair in graded:
        told = ", ".join(f"{count} {grade.replace('_', ' ')}" for grade, count in pair.grades.items() if count)
        lines.append(f"  {pair.given_label} -> {pair.chosen_label}: {told}; {pair.num_ungraded} without a grade")
    values = measured.values() | {"anchoring": asdict(changed), "grades": [asdict(pair) for pair in graded]}
    print_result(as_json, values, lines)
