"""The threshold on the error probability: a slider that trades precision for recall, with the expected yield of each
step."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import pandas as pd
import streamlit as st

from overread.config import calibration_settings
from overread.detection.calibration import recalibrated
from overread.detection.proposal_set import Expectation, expectation
from overread.records import Decision
from overread.review.outcomes import outcomes
from overread.review.queue import chosen_samples
from overread.review.row_rules import BULK
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.components.wording import counted, duration
from overread_app.reading_list import ReadingList

LEVELS = tuple(percent / 100 for percent in range(95, 0, -5))
MIN_TIMED = 5
"""Verdicts before a reader's pace is estimated."""
OWN = "as proposed"


@dataclass(frozen=True)
class SliderStep:
    """A threshold that the slider offers."""

    min_probability: float | None
    """None: the run's own proposals."""
    is_chosen: np.ndarray
    """(N,) bool."""

    @property
    def title(self) -> str:
        if self.min_probability == 0:
            return "all images"
        return OWN if self.min_probability is None else f"{100 * self.min_probability:.0f} % or more"


def slider_steps(scores: pd.DataFrame) -> list[SliderStep]:
    """The thresholds to offer, from the fewest images to the most; each chooses other images than the one before."""
    found = [SliderStep(None, chosen_samples(scores))]
    is_reached, probability = chosen_samples(scores, LEVELS[-1]), scores["label_error_probability"].to_numpy()
    for level in LEVELS:
        is_chosen = is_reached & (probability >= level)
        if is_chosen.any() and not any((is_chosen == step.is_chosen).all() for step in found):
            found.append(SliderStep(level, is_chosen))
    return sorted(found, key=lambda step: int(step.is_chosen.sum()))


def corrected_probabilities(scores: pd.DataFrame, decisions: Sequence[Decision], *, run: Run) -> tuple[np.ndarray, int]:
    """label_error_probability (N,) recalibrated by a reader's own verdicts, and their number; unchanged, and 0, while
    they are too few."""
    settings = calibration_settings(run.config())
    places, is_error = outcomes(scores, decisions, run=run.name)
    probability = scores["label_error_probability"].to_numpy()
    if len(is_error) < settings.min_verdicts:
        return probability, 0
    return recalibrated(probability, places, is_error, settings), len(is_error)


def show_threshold(study: Study, run: Run, reading: ReadingList) -> None:
    """The slider over the run's scores, as the reader's own verdicts correct them."""
    scores, decisions = study_data.load_scores(run), study_data.ledger(study).decisions(reading.reader)
    probability, num_verdicts = corrected_probabilities(scores, decisions, run=run)
    show_threshold_slider(reading, scores, decisions, probability=probability, num_verdicts=num_verdicts)


def show_threshold_slider(
    reading: ReadingList,
    scores: pd.DataFrame,
    decisions: Sequence[Decision],
    *,
    probability: np.ndarray,
    num_verdicts: int,
) -> None:
    """The slider, and the expected yield of the chosen threshold in words.

    probability and num_verdicts: of `corrected_probabilities`."""
    steps, least = slider_steps(scores), reading.choice.min_probability
    if least not in [step.min_probability for step in steps]:  # chosen elsewhere
        steps.append(SliderStep(least, chosen_samples(scores, least)))
        steps.sort(key=lambda step: int(step.is_chosen.sum()))
    places = {step.title: step for step in steps}
    chosen = next(step for step in steps if step.min_probability == least)
    if len(places) > 1:
        key = f"review_threshold_{reading.key}"
        st.select_slider(
            "Minimum probability that the label is wrong",
            list(places),
            value=chosen.title,
            key=key,
            help="Only images with at least this probability of a wrong label are shown. Left: fewer images, a larger "
            "share of them wrong. Right: more images, fewer wrong labels missed. This does not affect the exported "
            "proposals.",
            on_change=lambda: reading.choose(
                since=reading.since, min_probability=places[session.field_value(key) or OWN].min_probability
            ),
        )
        st.html('<div class="threshold-ends"><span>fewer images</span><span>more images</span></div>')
    is_decided = scores["sample_id"].isin([decision.verdict.sample_id for decision in decisions]).to_numpy()
    text = trade_off_text(
        expectation(probability, chosen.is_chosen),
        expectation(probability, chosen.is_chosen & ~is_decided),
        # A verdict in bulk took no time of its own.
        elapsed_ms=[decision.verdict.elapsed_ms for decision in decisions if decision.verdict.protocol != BULK],
    )
    st.markdown(text)
    if num_verdicts:
        st.caption(f"Probabilities are corrected by your {num_verdicts:,} verdicts on this run’s proposals.")


def trade_off_text(chosen: Expectation, left: Expectation, *, elapsed_ms: Collection[int]) -> str:
    """The expected yield of a choice in words. left: of its samples those not decided yet; elapsed_ms: how long the
    reader took for each verdict so far."""
    num, num_left = chosen.num_samples, left.num_samples
    if num == 0:
        return "No images to review."
    images = f"**{counted(num, 'image')}**"
    found = f"about {100 * chosen.recall:.0f} % of the labels expected to be wrong"
    if num_left == 0:
        return f"{images}, all reviewed. They contain {found}."
    is_begun = num_left < num
    those = f"the {num_left:,}" + (" left" if is_begun else "")
    share = f"{100 * left.precision:.0f} %"
    if num_left == 1:
        wrong = f"The {'last' if is_begun else 'only'} one has a {share} chance of being wrong."
    else:
        wrong = f"About {round(left.num_errors):,} of {those} are expected to be wrong ({share})."
    if is_begun:
        parts = [f"{images}, {num - num_left:,} of them reviewed.", wrong, f"Reviewing all {num:,} finds {found}."]
    else:
        parts = [f"{images} to review.", wrong, f"This finds {found}."]
    if len(elapsed_ms) >= MIN_TIMED:
        pace_s = median(elapsed_ms) / 1000
        parts.append(f"At your pace, about {duration(num_left * pace_s)} left.")
    return " ".join(parts)
