"""Saliency maps on request. A separate process computes them: the app never imports torch."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from overread.errors import StudyError
from overread.proposals.heat_maps import can_have_maps, read_saliency
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import processes, session, study_data
from overread_app.boundary import error_boundary
from overread_app.components.evidence_panel import data_uri
from overread_app.words.catalogue import Words

HEAT_COLOUR = (240, 150, 30)
"""Amber: neither red nor green, which would suggest right and wrong."""
NUM_LOOKED_AHEAD = 8
"""Samples that one process computes maps for: starting it takes seconds, a map far less than one."""


def show_saliency(study: Study, run: Run, order: Sequence[str]) -> None:
    """A button that shows the saliency maps of the first of these samples. They are hidden again at the next one,
    since they have not helped readers.

    order: ids of the samples that come next. Nothing is shown for a run that cannot have any.
    """
    sample_id = order[0]
    if not can_have_maps(run):
        return
    words = session.words()
    with st.container(key="review_where", gap="xsmall"):
        is_open = session.get("where") == sample_id
        # A button and no toggle: while a toggle has the focus, the verdicts' keys go to it.
        st.button(
            words("saliency.hide" if is_open else "saliency.show"),
            key=f"review_where_{sample_id}",
            type="tertiary",
            icon=":material/visibility_off:" if is_open else ":material/visibility:",
            on_click=session.put,
            args=("where", None if is_open else sample_id),
        )
        if not is_open:
            return
        saliency = read_saliency(run, sample_id)
        if saliency is None:
            await_saliency(study, run, tuple(order[:NUM_LOOKED_AHEAD]))
            return
        try:
            show_maps(study.pixels_path, sample_id, saliency.labels, saliency.maps, words)
        except (StudyError, ValueError):  # no whole pixel cache, or one without this sample
            st.caption(words("saliency.not_cached"))
        st.caption(words("saliency.said"))


@st.fragment(run_every=1)
def await_saliency(study: Study, run: Run, sample_ids: tuple[str, ...]) -> None:
    """Wait for the first sample's maps while a process computes all missing ones; the reader can continue meanwhile."""
    words = session.words()
    with error_boundary(words):
        if read_saliency(run, sample_ids[0]) is not None:
            st.rerun()
        process, asked = session.get("saliency", (None, ()))
        is_over = process is None or process.poll() is not None
        if is_over and (run.path, sample_ids[0]) in asked:
            st.caption(words("saliency.failed"))
            return
        if is_over:
            missing = [sample_id for sample_id in sample_ids if read_saliency(run, sample_id) is None]
            process = processes.start_saliency(study.path, run.name, missing, log=run.path / "saliency" / "log.txt")
            session.put("saliency", (process, {(run.path, sample_id) for sample_id in missing}))
        st.caption(f":material/hourglass_top: {words('saliency.computing')}")


def show_maps(pixels_path: Path, sample_id: str, labels: Sequence[str], maps: np.ndarray, words: Words) -> None:
    """The image under each label's heat map. maps: (len(labels), H, W) in [0, 1]."""
    cache = study_data.load_pixels(pixels_path)
    grey = cache.image(sample_id).mean(axis=-1)
    figures = "".join(
        f'<figure><img src="{data_uri(Image.fromarray(overlay_heat(grey, heat)))}" alt="{words("saliency.alt")}">'
        f"<figcaption>{escape(words('saliency.of', label=label))}</figcaption></figure>"
        for label, heat in zip(labels, maps, strict=True)
    )
    st.html(f'<div class="saliency">{figures}</div>')


def overlay_heat(grey: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the image in grey, the warmer the higher its heat. grey: (H, W) from 0 to 255; heat: in [0, 1].

    The image's own brightness stays readable: where there is no heat nothing is changed.
    """
    share = 0.65 * heat[..., None]
    return (grey[..., None] * (1 - share) + np.array(HEAT_COLOUR) * share).round().astype(np.uint8)
