"""The app's charts: plotly figures from arrays, in one template, and the function that shows them."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from overread_app.theme import ACCENT, CLASS_COLOURS, INK, LINE, MUTED, SEQUENTIAL_COLOURS

CONFIG = {"displayModeBar": False, "displaylogo": False, "showLink": False, "scrollZoom": False, "doubleClick": "reset"}
_AXIS = {
    "gridcolor": LINE,
    "linecolor": LINE,
    "zerolinecolor": LINE,
    "ticks": "",
    "tickfont": {"color": MUTED, "size": 12},
    "title": {"font": {"color": MUTED, "size": 12}, "standoff": 8},
    "automargin": True,
}
TEMPLATE = go.layout.Template(
    layout=go.Layout(
        font={"family": '"Source Sans", sans-serif', "size": 13, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=CLASS_COLOURS,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis=_AXIS,
        yaxis=_AXIS,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12, "color": MUTED}},
        hoverlabel={"bgcolor": "#FFFFFF", "bordercolor": LINE, "font": {"color": INK, "size": 12}},
        bargap=0.35,
        dragmode=False,
    )
)


def show_chart(figure: go.Figure, *, key: str, alt: str) -> None:
    """Show a figure: full width, no mode bar, no links. alt: a description of the chart."""
    st.plotly_chart(figure, width="stretch", theme=None, key=key, config=CONFIG, alt=alt)


def chart_text(name: str) -> str:
    """A name escaped for Plotly, which interprets HTML tags and templates in texts."""
    return escape(name, quote=False).replace("%{", "%\u2060{")


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, the same on every page."""
    return {name: CLASS_COLOURS[index % len(CLASS_COLOURS)] for index, name in enumerate(classes)}


def class_balance(counts: Mapping[str, int]) -> go.Figure:
    """Number of samples per class, as bars in the classes' order."""
    return _count_bars(counts, colours=list(class_colours(list(counts)).values()), bar_px=34)


def label_matrix(
    matrix: np.ndarray,
    classes: Sequence[str],
    *,
    other: str = "proposed",
    title: str = "label if all proposals are accepted",
) -> go.Figure:
    """matrix: (K, K) counts, rows the given label, columns another one. Cells are shaded by share of their row.

    other: the other label in a word; title: of its axis.
    """
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    off_diagonal = share.copy()
    np.fill_diagonal(off_diagonal, np.nan)  # agreement would dominate the colour scale
    top = float(np.nanmax(off_diagonal)) if len(classes) > 1 and np.nanmax(off_diagonal) > 0 else 1.0
    scale = [[index / 9, colour] for index, colour in enumerate(SEQUENTIAL_COLOURS)]
    names = [chart_text(name) for name in classes]
    figure = go.Figure(
        go.Heatmap(
            z=off_diagonal,
            x=names,
            y=names,
            colorscale=scale,
            zmin=0,
            zmax=top,
            showscale=False,
            xgap=3,
            ygap=3,
            customdata=np.dstack([matrix, 100 * share]),
            hovertemplate="given %{y}, " + other + " %{x}: %{customdata[0]:,} (%{customdata[1]:.0f} %)<extra></extra>",
            hoverongaps=True,
        )
    )
    for row, given in enumerate(names):
        for column, proposed in enumerate(names):
            is_dark = row != column and share[row, column] > 0.55 * top
            figure.add_annotation(
                x=proposed,
                y=given,
                text=f"{matrix[row, column]:,}",
                showarrow=False,
                font={
                    "color": "#FFFFFF" if is_dark else INK if row != column and matrix[row, column] else MUTED,
                    "size": 14,
                },
            )
    figure.update_layout(template=TEMPLATE, height=110 + 56 * len(classes))
    figure.update_xaxes(title=title, side="top", showgrid=False, type="category")
    figure.update_yaxes(title="given label", autorange="reversed", showgrid=False, type="category")
    return figure


def score_histogram(probabilities: np.ndarray, is_proposed: np.ndarray) -> go.Figure:
    """Label-error probabilities (N,) in [0, 1]; proposed samples stand out. Counts on a logarithmic axis."""
    edges = np.linspace(0, 1, 26)
    middles = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure()
    for name, mask, colour in (("not proposed", ~is_proposed, "#B9C7CB"), ("proposed", is_proposed, ACCENT)):
        counts, _ = np.histogram(probabilities[mask], bins=edges)
        figure.add_bar(
            x=middles,
            y=counts,
            name=name,
            marker_color=colour,
            width=edges[1] - edges[0] - 0.004,
            hovertemplate="probability about %{x:.2f}: %{y:,} " + name + "<extra></extra>",
        )
    figure.update_layout(template=TEMPLATE, height=300, barmode="stack")
    figure.update_xaxes(
        title="probability that the given label is wrong", range=[0, 1], showgrid=False, tickformat=".1f"
    )
    figure.update_yaxes(title="images")
    return figure


def loss_curves(events: Sequence[Mapping[str, object]]) -> go.Figure:
    """Loss by epoch from the `epoch` events of a run's progress; a line per phase: each has its own loss."""
    table = pd.DataFrame([event for event in events if event.get("event") == "epoch"])
    figure = go.Figure()
    for index, (phase, rows) in enumerate(table.groupby("phase", sort=False) if len(table) else ()):
        figure.add_scatter(
            x=rows["num_done"],
            y=rows["loss"],
            name=str(phase),
            mode="lines+markers",
            marker_size=5,
            line={"width": 2, "color": CLASS_COLOURS[index % len(CLASS_COLOURS)]},
            hovertemplate="epoch %{x}, loss %{y:.3f}<extra>" + str(phase) + "</extra>",
        )
    figure.update_layout(template=TEMPLATE, height=300, showlegend=True)
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
    figure = go.Figure()
    for name, field, colour in (
        ("consensus reached", "num_reliable", "#B9C7CB"),
        ("label changed for training", "num_changed", ACCENT),
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
    figure.update_layout(template=TEMPLATE, height=300, barmode="group", margin_t=36)
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(title="images")
    return figure


def embedding_map(
    points: np.ndarray, labels: Sequence[str], is_proposed: np.ndarray, classes: Sequence[str]
) -> go.Figure:
    """A scatter plot of the embeddings. points: (N, 2); labels: the N given labels, shown as colours; a ring marks
    proposals."""
    given = np.asarray(labels)
    figure = go.Figure()
    for name, colour in class_colours(classes).items():
        mask = given == name
        figure.add_scattergl(
            x=points[mask, 0],
            y=points[mask, 1],
            name=chart_text(name),
            mode="markers",
            marker={"size": 6, "color": colour, "opacity": 0.65},
            hovertemplate=f"given {chart_text(name)}<extra></extra>",
        )
    figure.add_scattergl(
        x=points[is_proposed, 0],
        y=points[is_proposed, 1],
        name="proposed",
        mode="markers",
        marker={"size": 11, "color": INK, "symbol": "circle-open", "line": {"width": 1.4}},
        hoverinfo="skip",
    )
    figure.update_layout(template=TEMPLATE, height=460, dragmode="pan")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure


def verdict_bars(counts: Mapping[str, int]) -> go.Figure:
    """Numbers of a reader's own verdicts, by kind."""
    return _count_bars(counts, colours=ACCENT, bar_px=30)


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
    figure.update_layout(template=TEMPLATE, height=60 + bar_px * len(names), margin_r=48)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    return figure
