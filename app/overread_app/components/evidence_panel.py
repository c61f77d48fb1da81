"""The evidence on a sample: class probabilities, their course during training, and the most similar images."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from overread.errors import StudyError
from overread.phases import Stage
from overread_app import study_data
from overread_app.components.charts import TEMPLATE, chart_text, class_colours, show_chart
from overread_app.theme import INK, LINE, MUTED

QUIET = "#C3CDD1"
"""The colour of classes other than the two readings."""
NUM_KEPT = 64
THUMBNAIL_PX = 160


def show_probabilities(probs: np.ndarray, classes: Sequence[str], *, given: str, proposed: str, key: str) -> None:
    """A chart of the class probabilities. probs: (K,) in [0, 1], in the classes' order: p_<class> of scores.csv."""
    said = ", ".join(f"{name} {100 * value:.0f} %" for name, value in zip(classes, probs, strict=True))
    _heading("Class probabilities", "from the image and its given label")
    show_chart(probability_chart(probs, classes, given=given, proposed=proposed), key=key, alt=f"Probabilities: {said}")


def show_trace(stage_probs: np.ndarray, stage_names: Sequence[str], classes: Sequence[str], **labels: str) -> None:
    """A chart of the probabilities over the training. stage_probs: (S, K) in [0, 1], a row per monitored stage. labels:
    given, proposed and key."""
    key = labels.pop("key")
    given, proposed = classes.index(labels["given"]), classes.index(labels["proposed"])
    words = (
        f"During training the probability of {labels['given']} went from {stage_probs[0, given]:.2f} to "
        f"{stage_probs[-1, given]:.2f}, that of {labels['proposed']} from {stage_probs[0, proposed]:.2f} to "
        f"{stage_probs[-1, proposed]:.2f}"
    )
    _heading("During training", "from the image alone, by stage")
    show_chart(trace_chart(stage_probs, stage_names, classes, **labels), key=key, alt=words)


def show_similar(
    pixels_path: Path, sample_ids: Sequence[str], labels: Sequence[str], classes: Sequence[str], *, num_same: int = 0
) -> None:
    """The most similar images, from the pixel cache, with their given labels; the nearest first.

    num_same: how many, at the beginning, are its near-duplicates; the others are of other patients and slides.
    """
    _heading("Most similar images", "almost identical ones first" if num_same else "from other patients and slides")
    colours = class_colours(classes)
    try:
        thumbnail_tags = [
            f'<img src="{uri}" alt="Similar image, given label {escape(label, quote=True)}">'
            for uri, label in zip(thumbnails(pixels_path, tuple(sample_ids)), labels, strict=True)
        ]
    except StudyError:  # the cache may be deleted at any time
        thumbnail_tags = ["<div></div>"] * len(labels)
    figures = "".join(
        f"<figure{' class=same' if place < num_same else ''}>{tag}"
        f'<figcaption><i style="background:{colours.get(label, QUIET)}"></i>'
        f"<span>{escape(label)}</span></figcaption></figure>"
        for place, (tag, label) in enumerate(zip(thumbnail_tags, labels, strict=True))
    )
    said = f"Given labels: {_tally(labels[num_same:])}"
    if num_same:
        said = f"Almost identical: {_tally(labels[:num_same])}. Other patients and slides: {_tally(labels[num_same:])}"
    st.html(f'<div class="similar">{figures}</div><p class="similar-said">{said}</p>')


def probability_chart(probs: np.ndarray, classes: Sequence[str], *, given: str, proposed: str) -> go.Figure:
    """A bar per class; the two readings in their colours."""
    colours = class_colours(classes)
    bars = go.Bar(
        x=[float(value) for value in probs],
        y=[chart_text(name) for name in classes],
        orientation="h",
        marker_color=[colours[name] if name in (given, proposed) else QUIET for name in classes],
        text=[f"{100 * value:.0f} %" for value in probs],
        textposition="outside",
        textfont={"size": 12, "color": MUTED},
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    names = {"autorange": "reversed", "showgrid": False, "showline": False, "type": "category", "fixedrange": True}
    layout = {
        "template": TEMPLATE,
        "height": 4 + 21 * len(classes),
        "margin": {"l": 0, "r": 44, "t": 0, "b": 0},
        "xaxis": {"visible": False, "range": [0, 1], "fixedrange": True},
        "yaxis": {**names, "tickfont": {"color": INK}, "ticklabelstandoff": 8},
    }
    return go.Figure(bars, layout)


def trace_chart(
    stage_probs: np.ndarray, stage_names: Sequence[str], classes: Sequence[str], *, given: str, proposed: str
) -> go.Figure:
    """A line per class over the stages; the two readings in their colours."""
    colours = class_colours(classes)
    stages = list(range(len(stage_names)))
    probs = np.asarray(stage_probs, dtype=float)
    lines = []
    for index, name in sorted(
        enumerate(classes), key=lambda pair: pair[1] in (given, proposed)
    ):  # on top of the others
        is_reading = name in (given, proposed)
        lines.append(
            go.Scatter(
                x=stages,
                y=probs[:, index],
                name=chart_text(name),
                mode="lines+markers" if is_reading else "lines",
                line={"color": colours[name] if is_reading else QUIET, "width": 2 if is_reading else 1},
                marker={"size": 5},
                showlegend=False,
                cliponaxis=False,
                customdata=list(stage_names),
                hovertemplate="%{customdata}: " + chart_text(name) + " %{y:.2f}<extra></extra>",
            )
        )
    phases = _phases(stage_names)
    between = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": {"color": LINE, "width": 1}}
    layout = {
        "template": TEMPLATE,
        "height": 125,
        "margin": {"l": 0, "r": 8, "t": 8, "b": 0},
        "shapes": [{**between, "x0": stage - 0.5, "x1": stage - 0.5} for stage, _ in list(phases.values())[1:]],
        "xaxis": {
            "showgrid": False,
            "fixedrange": True,
            "tickvals": [(first + last) / 2 for first, last in phases.values()],
            "ticktext": [name.replace("warmup", "warm-up").replace("refinement", "round") for name in phases],
            "tickangle": 0,
            "range": [-0.5, stages[-1] + 0.4],
        },
        "yaxis": {"range": [0, 1], "tickvals": [0, 0.5, 1], "fixedrange": True},
    }
    return go.Figure(lines, layout)


@lru_cache(maxsize=NUM_KEPT)
def thumbnails(pixels_path: Path, sample_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Data URIs of small versions of cached images, without names or tags.

    Raises StudyError where the study has no intact pixel cache.
    """
    cache = study_data.load_pixels(pixels_path)
    uris = []
    for sample_id in sample_ids:
        pixels = cache.image(sample_id)
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        uris.append(data_uri(image))
    return tuple(uris)


def data_uri(image: Image.Image) -> str:
    """The image as a data URI: only pixels, no name and no tags."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def _phases(stage_names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """First and last stage of each part of the run."""
    parts: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(map(str, stage_names)):
        part = Stage.parse(name).part
        parts[part] = (parts.get(part, (number, number))[0], number)
    return parts


def _tally(labels: Sequence[str]) -> str:
    return ", ".join(f"{count} {escape(label)}" for label, count in Counter(labels).most_common()) or "none"


def _heading(title: str, note: str = "") -> None:
    st.html(f'<h3 class="evidence-title">{title}<span>{note}</span></h3>')
