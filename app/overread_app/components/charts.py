"""The app's charts: plotly figures from arrays, in one template, and the function that shows them."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from overread_app.theme import DARK, LIGHT, Theme, contrast, current_theme

CONFIG = {"displayModeBar": False, "displaylogo": False, "showLink": False, "scrollZoom": False, "doubleClick": "reset"}
Mode = Literal["points", "box", "lasso"]
SCORE_EDGES = np.linspace(0, 1, 26)
"""Of the bars of `score_histogram`."""
LONG = 28
"""Characters of a name that is shown whole beside a chart."""
TAIL = 12
"""Characters at the end of a longer one that are shown."""
START = 8
"""Of names that begin with the same characters, the ends must differ in sight."""
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star")
"""One per class, repeating, for those who cannot tell two colours apart."""


def template(theme: Theme) -> go.layout.Template:
    """What all charts have in common."""
    small = {"color": theme.muted, "size": 12}
    axis = {
        "gridcolor": theme.line,
        "linecolor": theme.line,
        "zerolinecolor": theme.line,
        "ticks": "",
        "tickfont": small,
        "title": {"font": small, "standoff": 8},
        "automargin": True,
    }
    return go.layout.Template(
        layout=go.Layout(
            font={"family": '"Source Sans", sans-serif', "size": 13, "color": theme.ink},
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            colorway=theme.classes,
            margin={"l": 8, "r": 8, "t": 8, "b": 8},
            xaxis=axis,
            yaxis=axis,
            legend={
                "orientation": "h",
                "x": 0,
                "y": 1.02,
                "yanchor": "bottom",
                "font": {"size": 12, "color": theme.muted},
            },
            hoverlabel={"bgcolor": theme.paper, "bordercolor": theme.line, "font": {"color": theme.ink, "size": 12}},
            bargap=0.35,
            dragmode=False,
        )
    )


def show_chart(figure: go.Figure, *, key: str, alt: str) -> None:
    """Show a figure: full width, no mode bar, no links. alt: a description of the chart."""
    st.plotly_chart(figure, width="stretch", theme=None, key=key, config=CONFIG, alt=alt)


def show_selectable(figure: go.Figure, *, key: str, alt: str, modes: Sequence[Mode] = ("points",)) -> Mapping[str, Any]:
    """As `show_chart`, for a figure on which points, a box or a lasso can be selected; returns what is, as Streamlit
    has it."""
    event: Any = st.plotly_chart(
        figure, width="stretch", theme=None, key=key, config=CONFIG, alt=alt, on_select="rerun", selection_mode=modes
    )
    return event["selection"]


def chart_text(name: str) -> str:
    """A name escaped for Plotly, which interprets HTML tags and templates in texts."""
    return escape(name, quote=False).replace("%{", "%\u2060{")


def short_name(name: str, others: Iterable[str]) -> str:
    """A long name without its middle, escaped for Plotly; the whole one is shown on hover. others: the names beside it,
    which begin or end differently in sight."""
    if len(name) <= LONG:
        return chart_text(name)
    alike = [other for other in others if other != name and other[:START] == name[:START]]
    num_last = max([TAIL, *(len(name) - _place_of_difference(name, other) for other in alike)])
    num_last = min(num_last, LONG - START // 2)
    return chart_text(f"{name[: LONG - num_last].rstrip()}…{name[-num_last:].lstrip()}")


def _place_of_difference(name: str, other: str) -> int:
    """Where the last word begins in which a name differs from another one."""
    pairs = zip(reversed(name), reversed(other), strict=False)
    num_same = next((number for number, (one, two) in enumerate(pairs) if one != two), min(len(name), len(other)))
    return name.rfind(" ", 0, len(name) - num_same - 1) + 1


def has_long_names(classes: Sequence[str]) -> bool:
    """Whether a class's name is too long to stand whole beside a chart."""
    return any(len(name) > LONG for name in classes)


def text_on(colour: str) -> str:
    """Black or white, whichever can be read on that colour: its contrast is 4.5 or more on every one."""
    return max(("#000000", "#FFFFFF"), key=lambda text: contrast(text, colour))


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, the same on every page, as CSS for both themes."""
    pairs = zip(theme_colours(classes, LIGHT).items(), theme_colours(classes, DARK).values(), strict=True)
    return {name: f"light-dark({light}, {dark})" for (name, light), dark in pairs}


def theme_colours(classes: Sequence[str], theme: Theme) -> dict[str, str]:
    """A colour for each class in one theme, as #RRGGBB."""
    return {name: theme.classes[index % len(theme.classes)] for index, name in enumerate(classes)}


def class_balance(counts: Mapping[str, int]) -> go.Figure:
    """Number of samples per class, as bars in the classes' order."""
    colours = theme_colours(list(counts), current_theme())
    return _count_bars(counts, colours=list(colours.values()), bar_px=34)


def score_histogram(probabilities: np.ndarray, is_proposed: np.ndarray) -> go.Figure:
    """Label-error probabilities (N,) in [0, 1]; proposed samples stand out. Counts on a logarithmic axis."""
    edges = SCORE_EDGES
    middles = (edges[:-1] + edges[1:]) / 2
    theme = current_theme()
    figure = go.Figure()
    for name, mask, colour in (("not proposed", ~is_proposed, theme.edge), ("proposed", is_proposed, theme.accent)):
        counts, _ = np.histogram(probabilities[mask], bins=edges)
        figure.add_bar(
            x=middles,
            y=counts,
            name=name,
            marker_color=colour,
            width=edges[1] - edges[0] - 0.004,
            unselected={"marker": {"opacity": 0.5}},
            hovertemplate="probability about %{x:.2f}: %{y:,} " + name + "<extra></extra>",
        )
    # By x, so that bars of a few images can be pointed at, too.
    figure.update_layout(template=template(theme), height=300, barmode="stack", hovermode="x")
    figure.update_xaxes(
        title="probability that the given label is wrong",
        range=[0, 1],
        showgrid=False,
        tickformat=".1f",
        fixedrange=True,
    )
    figure.update_yaxes(title="images", fixedrange=True)
    return figure


def loss_curves(events: Sequence[Mapping[str, object]]) -> go.Figure:
    """Loss by epoch from the `epoch` events of a run's progress; a line per phase: each has its own loss."""
    table = pd.DataFrame([event for event in events if event.get("event") == "epoch"])
    theme = current_theme()
    figure = go.Figure()
    for index, (phase, rows) in enumerate(table.groupby("phase", sort=False) if len(table) else ()):
        figure.add_scatter(
            x=rows["num_done"],
            y=rows["loss"],
            name=str(phase),
            mode="lines+markers",
            marker_size=5,
            line={"width": 2, "color": theme.classes[index % len(theme.classes)]},
            hovertemplate="epoch %{x}, loss %{y:.3f}<extra>" + str(phase) + "</extra>",
        )
    figure.update_layout(template=template(theme), height=300, showlegend=True)
    last = int(table["num_done"].max()) if len(table) else 1
    # Whole epochs: over a single one plotly would set ticks at fractions.
    figure.update_xaxes(
        title="epoch", showgrid=False, range=[0, last + 0.5], tickformat="d", dtick=1 if last < 10 else None
    )
    figure.update_yaxes(title="loss", rangemode="tozero")
    return figure


def consensus_by_round(events: Sequence[Mapping[str, object]]) -> go.Figure:
    """Reliable and changed samples by round, from the `round` events of a run's progress."""
    rounds = [event for event in events if event.get("event") == "round"]
    names = [f"round {event['round']}" for event in rounds]
    theme = current_theme()
    figure = go.Figure()
    for name, field, colour in (
        ("consensus reached", "num_reliable", theme.edge),
        ("label changed for training", "num_changed", theme.accent),
    ):
        figure.add_bar(
            x=names,
            y=[event.get(field, 0) for event in rounds],
            name=name,
            marker_color=colour,
            texttemplate="%{y:,}",
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x}: %{y:,} " + name + "<extra></extra>",
        )
    figure.update_layout(template=template(theme), height=300, barmode="group", margin_t=36)
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(title="images")
    return figure


def embedding_map(
    points: np.ndarray, labels: Sequence[str], is_proposed: np.ndarray, classes: Sequence[str], *, drag: str = "lasso"
) -> go.Figure:
    """A scatter plot of the embeddings. points: (N, 2); labels: the N given labels, shown as colours and shapes; a ring
    marks proposals. drag: what dragging does: lasso, or select (a box)."""
    given = np.asarray(labels)
    theme = current_theme()
    figure = go.Figure()
    for index, (name, colour) in enumerate(theme_colours(classes, theme).items()):
        mask = given == name
        figure.add_scattergl(
            x=points[mask, 0],
            y=points[mask, 1],
            name=short_name(name, classes),
            mode="markers",
            marker={"size": 7, "color": colour, "opacity": 0.65, "symbol": SYMBOLS[index % len(SYMBOLS)]},
            hovertemplate=f"given {chart_text(name)}<extra></extra>",
        )
    figure.add_scattergl(
        x=points[is_proposed, 0],
        y=points[is_proposed, 1],
        name="proposed",
        mode="markers",
        marker={"size": 11, "color": theme.ink, "symbol": "circle-open", "line": {"width": 1.4}},
        hoverinfo="skip",
    )
    figure.update_layout(template=template(theme), height=460, dragmode=drag)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure


def verdict_bars(counts: Mapping[str, int]) -> go.Figure:
    """Numbers of a reader's own verdicts, by kind."""
    return _count_bars(counts, colours=current_theme().accent, bar_px=30)


def _count_bars(counts: Mapping[str, int], *, colours: str | list[str], bar_px: int) -> go.Figure:
    names = list(counts)
    figure = go.Figure(
        go.Bar(
            x=[counts[name] for name in names],
            y=[chart_text(name) for name in names],
            orientation="h",
            marker_color=colours,
            text=[f"{counts[name]:,}" for name in names],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,}<extra></extra>",
        )
    )
    figure.update_layout(template=template(current_theme()), height=60 + bar_px * len(names), margin_r=48)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(
        autorange="reversed",
        showgrid=False,
        type="category",
        tickvals=[chart_text(name) for name in names],
        ticktext=[short_name(name, names) for name in names],
    )
    return figure
