"""The threshold on the error probability: a slider that trades precision for recall, with the expected yield of each
step."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil, floor
from statistics import median
from typing import Self

import numpy as np
import pandas as pd
import streamlit as st

from overread.config import calibration_settings
from overread.detection.calibration import recalibrated
from overread.detection.error_range import ErrorRange
from overread.detection.proposal_set import expectation
from overread.records import Decision
from overread.review.assignment import current_assignment
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


@dataclass(frozen=True)
class Correction:
    """label_error_probability, recalibrated by a reader's own verdicts unless they are too few."""

    probability: np.ndarray
    """(N,) float64 in [0, 1]."""
    error_range: ErrorRange | None
    """None for a run without a range."""
    num_verdicts: int
    """0 where nothing is corrected."""


def _percentages(shares: tuple[float, float]) -> tuple[int, int]:
    return floor(100 * shares[0]), ceil(100 * shares[1])


def corrected_probabilities(scores: pd.DataFrame, decisions: Sequence[Decision], *, run: Run) -> Correction:
    """The probabilities and their range; as they are while the verdicts are too few."""
    settings = calibration_settings(run.config())
    places, is_error = outcomes(scores, decisions, run=run.name)
    probability, error_range = scores["label_error_probability"].to_numpy(), study_data.load_error_range(run)
    if len(is_error) < settings.min_verdicts:
        return Correction(probability, error_range, 0)
    return Correction(
        recalibrated(probability, places, is_error, settings),
        error_range.recalibrated(places, is_error, settings) if error_range else None,
        len(is_error),
    )


def show_threshold(study: Study, run: Run, reading: ReadingList) -> None:
    """The slider over the run's scores, as the reader's own verdicts correct them."""
    ledger = session.ledger(study)
    scores, decisions = study_data.load_scores(run), ledger.decisions(reading.reader)
    corrected = corrected_probabilities(scores, decisions, run=run)
    show_threshold_slider(reading, scores, decisions, corrected, is_shared=current_assignment(ledger) is not None)


def show_threshold_slider(
    reading: ReadingList,
    scores: pd.DataFrame,
    decisions: Sequence[Decision],
    corrected: Correction,
    *,
    is_shared: bool,
) -> None:
    """The slider, and the expected yield of the chosen threshold in words. is_shared: whether the reader gets a part of
    the study's images: what is left is not for them to read."""
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
    chosen_yield = Yield.of(corrected, chosen.is_chosen)
    if is_shared:
        st.markdown(shared_text(chosen_yield, words))
    else:
        st.markdown(_own_text(chosen, chosen_yield, scores, decisions, corrected))
    if corrected.num_verdicts:
        st.caption(words("threshold.corrected", number=corrected.num_verdicts))
    elif chosen.is_chosen.any():
        st.caption(words("threshold.belief" if corrected.error_range else "threshold.belief_alone"))


@dataclass(frozen=True)
class Yield:
    """What reading some samples is expected to find: percentages, the lowest and the highest."""

    num_samples: int
    wrong: tuple[int, int]
    """Of these samples that are wrong labels."""
    found: tuple[int, int]
    """Of all wrong labels that are among these samples."""

    @classmethod
    def of(cls, corrected: Correction, is_chosen: np.ndarray) -> Self:
        """is_chosen: (N,) bool. Without a range, both ends are the model's one number."""
        if corrected.error_range is None:
            expected = expectation(corrected.probability, is_chosen)
            wrong, found = round(100 * expected.precision), round(100 * expected.recall)
            return cls(expected.num_samples, (wrong, wrong), (found, found))
        num, ends = int(is_chosen.sum()), corrected.error_range
        # Of a single label all numbers are possible; its probability says more.
        low, high = (ends.low[is_chosen].sum(), ends.high[is_chosen].sum()) if num == 1 else ends.counts(is_chosen)
        wrong_range = min(low, high) / max(num, 1), max(low, high) / max(num, 1)
        return cls(num, _percentages(wrong_range), _percentages(ends.recalls(is_chosen)))


def _own_text(
    chosen: SliderStep,
    chosen_yield: Yield,
    scores: pd.DataFrame,
    decisions: Sequence[Decision],
    corrected: Correction,
) -> str:
    is_decided = scores["sample_id"].isin([decision.verdict.sample_id for decision in decisions]).to_numpy()
    is_left = chosen.is_chosen & ~is_decided
    return trade_off_text(
        chosen_yield,
        Yield.of(corrected, is_left),
        # A verdict in bulk took no time of its own.
        elapsed_ms=[decision.verdict.elapsed_ms for decision in decisions if decision.verdict.protocol != BULK],
        words=session.words(),
    )


def trade_off_text(chosen: Yield, left: Yield, *, elapsed_ms: Collection[int], words: Words) -> str:
    """The expected yield of a choice in words. left: of its samples those not decided yet; elapsed_ms: how long the
    reader took for each verdict so far."""
    num, num_left = chosen.num_samples, left.num_samples
    found = _range_words(chosen.found, words)
    if num == 0:
        return words("threshold.none")
    if num_left == 0:
        return words("threshold.all_reviewed", number=num, percent=found)
    is_begun = num_left < num
    if is_begun:
        parts = [words("threshold.part_reviewed", number=num, reviewed=num - num_left)]
    else:
        parts = [words("threshold.to_review", number=num)]
    share = _range_words(left.wrong, words)
    if num_left == 1:
        parts.append(words("threshold.last_one" if is_begun else "threshold.only_one", percent=share))
    else:
        parts.append(words("threshold.wrong_left" if is_begun else "threshold.wrong", number=num_left, percent=share))
    if is_begun:
        parts.append(words("threshold.all_find", number=num, percent=found))
    else:
        parts.append(words("threshold.finds", percent=found))
    if len(elapsed_ms) >= MIN_TIMED:
        pace_s = median(elapsed_ms) / 1000
        parts.append(words("threshold.pace", duration=duration(num_left * pace_s)))
    return " ".join(parts)


def shared_text(chosen: Yield, words: Words) -> str:
    """The expected yield of a choice in words, where readers share the images."""
    if chosen.num_samples == 0:
        return words("threshold.none")
    parts = [words("threshold.shared", number=chosen.num_samples)]
    share = _range_words(chosen.wrong, words)
    if chosen.num_samples == 1:
        parts.append(words("threshold.only_one", percent=share))
    else:
        parts.append(words("threshold.wrong", number=chosen.num_samples, percent=share))
    return " ".join([*parts, words("threshold.finds", percent=_range_words(chosen.found, words))])


def _range_words(percentages: tuple[int, int], words: Words) -> str:
    low, high = percentages
    return words("threshold.about", percent=low) if low == high else words("threshold.range", low=low, high=high)
