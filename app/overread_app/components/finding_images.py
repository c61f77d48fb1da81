"""Example images of a finding, from the pixel cache, without names or patients."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

import streamlit as st

from overread.errors import StudyError
from overread.records import Finding
from overread_app.components.evidence_panel import thumbnails
from overread_app.components.wording import counted

MAX_GROUPS = 6
MAX_OF_GROUP = 4
MAX_SINGLE = 12
_ROW = "display:flex;flex-wrap:wrap;gap:14px;margin:2px 0 10px 28px"
_GROUP = "display:flex;gap:4px;margin:0;padding:5px;border:1px solid rgba(128,128,128,.35);border-radius:6px"
_FIGURE = "margin:0;width:104px"
_IMAGE = "width:104px;height:104px;object-fit:contain;background:#000;border-radius:3px;display:block"
_CAPTION = "font-size:12px;line-height:1.3;opacity:.8;overflow-wrap:anywhere"


def show_finding_images(pixels_path: Path, finding: Finding, captions: Mapping[str, str]) -> None:
    """Show the groups of a finding, each in a frame, or its single images. captions: by sample id, for some or all.

    Nothing is shown where the pixel cache is missing or no longer holds these images.
    """
    is_single = not finding.groups
    singles = [(sample_id,) for sample_id in finding.samples[:MAX_SINGLE]]
    groups = [_most_different(group, captions) for group in (singles if is_single else finding.groups[:MAX_GROUPS])]
    try:
        uris = iter(thumbnails(pixels_path, tuple(sample_id for group in groups for sample_id in group)))
    except (StudyError, KeyError):  # the cache may be deleted or rebuilt at any time
        return
    frames = []
    for group in groups:
        figures = [
            f'<figure style="{_FIGURE}"><img style="{_IMAGE}" src="{next(uris)}" alt="Image of this finding">'
            f'<figcaption style="{_CAPTION}">{escape(captions.get(sample_id, ""))}</figcaption></figure>'
            for sample_id in group
        ]
        frames.append(f'<div style="{_GROUP}">{"".join(figures)}</div>')
    st.html(f'<div style="{_ROW}">{"".join(frames)}</div>')
    if finding.count > sum(map(len, groups)):
        st.caption(f"{counted(sum(map(len, groups)), 'image')} of {finding.count:,} shown")


def _most_different(group: tuple[str, ...], captions: Mapping[str, str]) -> tuple[str, ...]:
    """The images of a group to show: one of each caption first, then others."""
    first_of = {captions.get(sample_id, ""): sample_id for sample_id in reversed(group)}
    return tuple(sorted(group, key=lambda sample_id: sample_id not in first_of.values()))[:MAX_OF_GROUP]
