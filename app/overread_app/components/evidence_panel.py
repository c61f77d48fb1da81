"""The evidence on a sample: its course during training, and thumbnails of the most similar images."""

import base64
import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from overread.phases import Stage, StageKind
from overread_app import study_data
from overread_app.components.sample_card import joined
from overread_app.theme import Theme, current_theme
from overread_app.words.catalogue import Words

NUM_KEPT = 64
THUMBNAIL_PX = 160
WIDTH, HEIGHT = 560, 170
"""Of the chart; LEFT, RIGHT, TOP and BOTTOM are the margins around its lines."""
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 8, 24
LEVELS = (0, 0.5, 1)


def show_trace(
    stage_probs: np.ndarray,
    stage_names: Sequence[str],
    classes: Sequence[str],
    *,
    given: str,
    proposed: str,
    colours: Mapping[str, str],
    words: Words,
) -> None:
    """A chart of the probabilities over the training. stage_probs: (S, K) in [0, 1], a row per monitored stage;
    classes: the run's K."""
    ends = {name: stage_probs[[0, -1], classes.index(name)] for name in (given, proposed)}
    courses = [
        words("evidence.course", name=name, first=words.number(first, decimals=2), last=words.number(last, decimals=2))
        for name, (first, last) in ends.items()
    ]
    chart = trace_chart(stage_probs, stage_names, classes, given=given, proposed=proposed, colours=colours, words=words)
    uri = "data:image/svg+xml;base64," + base64.b64encode(chart.encode()).decode()
    said = escape(words("evidence.training_said", courses=joined(courses, words, "evidence.and")), quote=True)
    st.html(
        f'<h3 class="evidence-title">{words("evidence.training")}<span>{words("evidence.training_note")}</span></h3>'
        f'<img class="trace" src="{uri}" alt="{said}">'
    )


def trace_chart(
    stage_probs: np.ndarray,
    stage_names: Sequence[str],
    classes: Sequence[str],
    *,
    given: str,
    proposed: str,
    colours: Mapping[str, str],
    words: Words,
) -> str:
    """The chart as SVG: a line per class over the S stages, those of the two readings in their colours, on top, that of
    the given label dashed.

    colours: of the study's classes; a class that it no longer has is grey.

    An image and no plotly figure, which would take the browser 100 ms while the reader goes on.
    """
    num_stages = len(stage_names)
    step = (WIDTH - LEFT - RIGHT) / max(num_stages - 1, 1)

    def x(stage: float) -> float:
        return round(LEFT + step * stage, 1)

    def y(prob: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - prob), 1)

    theme = current_theme()
    parts = [_line(x(-0.3), y(level), x(num_stages - 0.7), y(level), theme) for level in LEVELS]
    parts += [_text(LEFT - 18, y(level) + 4, _level(level, words), "end", theme) for level in LEVELS]
    for number, (name, (first, last)) in enumerate(_phases(stage_names, words).items()):
        parts += [_line(x(first - 0.5), y(1), x(first - 0.5), y(0), theme)] if number else []
        parts.append(_text(x((first + last) / 2), HEIGHT - 4, name, "middle", theme))
    for index, name in sorted(enumerate(classes), key=lambda pair: pair[1] in (given, proposed)):
        points = [(x(stage), y(float(prob))) for stage, prob in enumerate(stage_probs[:, index])]
        is_reading = name in (given, proposed)
        colour = colours.get(name, theme.muted) if is_reading else theme.edge
        style = f'stroke="{colour}"' + (' stroke-width="2.5"' if is_reading else "")
        style += ' stroke-dasharray="7 5"' if name == given else ""
        parts.append(f'<polyline fill="none" {style} points="{" ".join(f"{px},{py}" for px, py in points)}"/>')
        if is_reading:
            parts += [f'<circle cx="{px}" cy="{py}" r="3.5" fill="{colour}"/>' for px, py in points]
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'


def _line(x1: float, y1: float, x2: float, y2: float, theme: Theme) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{theme.line}"/>'


def _text(x: float, y: float, text: str, anchor: str, theme: Theme) -> str:
    style = f'font-family="sans-serif" font-size="12" fill="{theme.muted}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


def thumbnails(pixels_path: Path, sample_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Data URIs of small versions of cached images, without names or tags.

    Raises StudyError where the study has no intact pixel cache.
    """
    return _thumbnails(pixels_path, study_data.pixels_stamp(pixels_path), sample_ids)


@lru_cache(maxsize=NUM_KEPT)
def _thumbnails(pixels_path: Path, stamp: tuple[int, int], sample_ids: tuple[str, ...]) -> tuple[str, ...]:
    cache = study_data.load_pixels(pixels_path)
    uris = []
    for sample_id in sample_ids:
        uris.append(data_uri(small_image(cache.image(sample_id), THUMBNAIL_PX)))
    return tuple(uris)


def small_image(pixels: np.ndarray, side_px: int) -> Image.Image:
    """A cached image, (H, W, C) uint8, of at most that width and height."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((side_px, side_px))
    return image


def data_uri(image: Image.Image) -> str:
    """The image as a data URI: only pixels, no name and no tags."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(image)).decode()


def jpeg(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=90)
    return content.getvalue()


def _phases(stage_names: Sequence[str], words: Words) -> dict[str, tuple[int, int]]:
    """First and last stage of each part of the run."""
    parts: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(map(str, stage_names)):
        part = _part_words(Stage.parse(name), words)
        parts[part] = (parts.get(part, (number, number))[0], number)
    return parts


def _part_words(stage: Stage, words: Words) -> str:
    match stage.kind:
        case StageKind.ROUND:
            return words("evidence.round", number=stage.index + 1)
        case StageKind.SELF_TRAINING:
            return words("evidence.round", number=stage.index)
    return words(f"evidence.{stage.kind.value}")


def _level(level: float, words: Words) -> str:
    return words.number(level, decimals=0 if level == int(level) else 1)
