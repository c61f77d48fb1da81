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
from overread_app.components.wording import duration
from overread_app.reading_list import ReadingList
from overread_app.words.catalogue import Words

LEVELS = tuple(percent / 100 for percent in range(95, 0, -5))
MIN_TIMED = 5
"""Verdicts before a reader's pace is estimated."""


@dataclass(frozen=True)
class SliderStep:
    """A threshold that the slider offers."""

    min_probability: float | None
    """None: the run's own proposals."""
    is_chosen: np.ndarray
    """(N,) bool."""

    def title(self, words: Words) -> str:
        if self.min_probability is None:
            return words("threshold.own")
        if self.min_probability == 0:
            return words("threshold.everything")
        return words("threshold.level", percent=round(100 * self.min_probability))


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
    scores, decisions = study_data.load_scores(run), session.ledger(study).decisions(reading.reader)
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
    steps, least, words = slider_steps(scores), reading.choice.min_probability, session.words()
    if least not in [step.min_probability for step in steps]:  # chosen elsewhere
        steps.append(SliderStep(least, chosen_samples(scores, least)))
        steps.sort(key=lambda step: int(step.is_chosen.sum()))
    places = {step.title(words): step for step in steps}
    own = words("threshold.own")
    chosen = next(step for step in steps if step.min_probability == least)
    if len(places) > 1:
        key = f"review_threshold_{words.language}_{reading.key}"
        st.select_slider(
            words("threshold.title"),
            list(places),
            value=chosen.title(words),
            key=key,
            help=words("threshold.help"),
            on_change=lambda: reading.choose(
                since=reading.since, min_probability=places[session.field_value(key) or own].min_probability
            ),
        )
        ends = "".join(f"<span>{words(key)}</span>" for key in ("threshold.fewer", "threshold.more"))
        st.html(f'<div class="threshold-ends">{ends}</div>')
    is_decided = scores["sample_id"].isin([decision.verdict.sample_id for decision in decisions]).to_numpy()
    text = trade_off_text(
        expectation(probability, chosen.is_chosen),
        expectation(probability, chosen.is_chosen & ~is_decided),
        # A verdict in bulk took no time of its own.
        elapsed_ms=[decision.verdict.elapsed_ms for decision in decisions if decision.verdict.protocol != BULK],
        words=words,
    )
    st.markdown(text)
    if num_verdicts:
        st.caption(words("threshold.corrected", number=num_verdicts))


def trade_off_text(chosen: Expectation, left: Expectation, *, elapsed_ms: Collection[int], words: Words) -> str:
    """The expected yield of a choice in words. left: of its samples those not decided yet; elapsed_ms: how long the
    reader took for each verdict so far."""
    num, num_left = chosen.num_samples, left.num_samples
    found = f"{100 * chosen.recall:.0f}"
    if num == 0:
        return words("threshold.none")
    if num_left == 0:
        return words("threshold.all_reviewed", number=num, percent=found)
    is_begun = num_left < num
    if is_begun:
        parts = [words("threshold.part_reviewed", number=num, reviewed=num - num_left)]
    else:
        parts = [words("threshold.to_review", number=num)]
    share = f"{100 * left.precision:.0f}"
    if num_left == 1:
        parts.append(words("threshold.last_one" if is_begun else "threshold.only_one", percent=share))
    else:
        key = "threshold.wrong_left" if is_begun else "threshold.wrong"
        parts.append(words(key, wrong=round(left.num_errors), number=num_left, percent=share))
    if is_begun:
        parts.append(words("threshold.all_find", number=num, percent=found))
    else:
        parts.append(words("threshold.finds", percent=found))
    if len(elapsed_ms) >= MIN_TIMED:
        pace_s = median(elapsed_ms) / 1000
        parts.append(words("threshold.pace", duration=duration(num_left * pace_s)))
    return " ".join(parts)
