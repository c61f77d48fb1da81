"""How sure a proposal must be to be read: a slider that trades how many labels are wrong among those read for how many
of the wrong ones are found, and what each of its places comes to."""

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
from overread.studies.run import Run
from overread_app import session
from overread_app.components.wording import counted, duration
from overread_app.reading_list import ReadingList

LEVELS = tuple(percent / 100 for percent in range(95, 0, -5))
MIN_TIMED = 5
"""Verdicts before a pace is told of."""
OWN = "as proposed"


@dataclass(frozen=True)
class SliderStep:
    """A place of the slider."""

    min_probability: float | None
    """None: the run's own proposals."""
    is_chosen: np.ndarray
    """(N,) bool."""

    @property
    def title(self) -> str:
        return OWN if self.min_probability is None else f"{100 * self.min_probability:.0f} % or more"


def slider_steps(scores: pd.DataFrame) -> list[SliderStep]:
    """The places of the slider, from the fewest images to the most; each means other images than the one before."""
    found = [SliderStep(None, chosen_samples(scores))]
    is_reached, probability = chosen_samples(scores, LEVELS[-1]), scores["label_error_probability"].to_numpy()
    for level in LEVELS:
        is_chosen = is_reached & (probability >= level)
        if is_chosen.any() and not any((is_chosen == step.is_chosen).all() for step in found):
            found.append(SliderStep(level, is_chosen))
    return sorted(found, key=lambda step: int(step.is_chosen.sum()))


def corrected_probabilities(scores: pd.DataFrame, decisions: Sequence[Decision], *, run: Run) -> tuple[np.ndarray, int]:
    """label_error_probability (N,) as a reader's own verdicts correct it, and how many these are; as the run says and 0
    while they are too few."""
    settings = calibration_settings(run.config())
    places, is_error = outcomes(scores, decisions, run=run.name)
    probability = scores["label_error_probability"].to_numpy()
    if len(is_error) < settings.min_verdicts:
        return probability, 0
    return recalibrated(probability, places, is_error, settings), len(is_error)


def show_threshold_slider(
    reading: ReadingList,
    scores: pd.DataFrame,
    decisions: Sequence[Decision],
    *,
    probability: np.ndarray,
    num_verdicts: int,
) -> None:
    """The slider, and in words what its place comes to. probability and num_verdicts: of `corrected`."""
    places = {step.title: step for step in slider_steps(scores)}
    chosen = next((step for step in places.values() if step.min_probability == reading.min_probability), places[OWN])
    if len(places) > 1:
        key = f"review_threshold_{reading.key}"
        st.select_slider(
            "How sure should a proposal be?",
            list(places),
            value=chosen.title,
            key=key,
            help="The least probability of an error that an image is shown for. Further left: fewer images, and more "
            "of them with a wrong label. Further right: more images, and fewer wrong labels missed. What is exported "
            "as a proposal does not depend on it.",
            on_change=lambda: reading.choose(places[session.field_value(key) or OWN].min_probability),
        )
        st.html('<div class="threshold-ends"><span>surer, fewer images</span><span>less sure, more images</span></div>')
    is_decided = scores["sample_id"].isin([decision.verdict.sample_id for decision in decisions]).to_numpy()
    text = trade_off_text(
        expectation(probability, chosen.is_chosen),
        expectation(probability, chosen.is_chosen & ~is_decided),
        elapsed_ms=[decision.verdict.elapsed_ms for decision in decisions],
    )
    st.markdown(text)
    if num_verdicts:
        st.caption(f"Corrected by your own {num_verdicts:,} verdicts on this run’s proposals.")


def trade_off_text(chosen: Expectation, left: Expectation, *, elapsed_ms: Collection[int]) -> str:
    """What a choice comes to in words. left: of its samples those not decided yet; elapsed_ms: how long the reader took
    for each verdict so far, which tells a pace."""
    num, num_left = chosen.num_samples, left.num_samples
    if num == 0:
        return "No image to read."
    images = f"**{counted(num, 'image')}**"
    found = f"about {100 * chosen.recall:.0f} % of the labels expected to be wrong"
    if num_left == 0:
        return f"{images}, all read. That is where {found} are."
    is_begun = num_left < num
    those = f"the {num_left:,}" + (" left" if is_begun else "")
    share = f"{100 * left.precision:.0f} %"
    if num_left == 1:
        wrong = f"The {'last' if is_begun else 'only'} one is wrong with a chance of {share}."
    else:
        wrong = f"About {round(left.num_errors):,} of {those} are expected to be wrong ({share})."
    if is_begun:
        parts = [f"{images}, {num - num_left:,} of them read.", wrong, f"With all {num:,} read, {found} are found."]
    else:
        parts = [f"{images} to read.", wrong, f"That finds {found}."]
    if len(elapsed_ms) >= MIN_TIMED:
        pace_s = median(elapsed_ms) / 1000
        parts.append(f"At your pace, about {duration(num_left * pace_s)} to go.")
    return " ".join(parts)
