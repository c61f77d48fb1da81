"""The chart of given labels beside other ones."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go

from overread_app.components.charts import chart_text, has_long_names, short_name, template, text_on
from overread_app.theme import current_theme

TITLE_WIDTH = 28
"""Characters in a line of an axis's title."""


def label_matrix(
    matrix: np.ndarray,
    classes: Sequence[str],
    *,
    other: str = "proposed",
    title: str = "label if all proposals are accepted",
) -> go.Figure:
    """matrix: (K, K) counts, rows the given label, columns another one. Cells are shaded by share of their row.

    other: the other label in a word; title: of its axis. The last curve has an invisible point in each cell, row by
    row: a click selects it, and Plotly selects no cells.
    """
    theme = current_theme()
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    off_diagonal = share.copy()
    np.fill_diagonal(off_diagonal, np.nan)  # agreement would dominate the colour scale
    top = float(np.nanmax(off_diagonal)) if len(classes) > 1 and np.nanmax(off_diagonal) > 0 else 1.0
    scale = [[index / 9, colour] for index, colour in enumerate(theme.sequential)]
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
            hoverinfo="skip",
        )
    )
    figure.add_scatter(
        x=names * len(names),
        y=[name for name in names for _ in names],
        mode="markers",
        marker={"size": 40, "symbol": "square", "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        showlegend=False,
        customdata=np.dstack([matrix, 100 * share]).reshape(-1, 2),
        hovertemplate="given %{y}, " + other + " %{x}: %{customdata[0]:,} (%{customdata[1]:.0f} %)<extra></extra>",
    )
    size = 14 if len(classes) < 6 else 12
    counts = []
    for row, given in enumerate(names):
        for column, proposed in enumerate(names):
            is_shaded = row != column and matrix[row, column]
            cell = theme.sequential[round(9 * share[row, column] / top)] if is_shaded else theme.paper
            colour = text_on(cell) if is_shaded else theme.muted
            text = f"{matrix[row, column]:,}"
            font = {"color": colour, "size": size}
            counts.append({"x": proposed, "y": given, "text": text, "showarrow": False, "font": font})
    # At once: Plotly checks all annotations anew with each that is added.
    figure.update_layout(annotations=counts, template=template(theme), height=110 + 56 * len(classes), hoverdistance=-1)
    span = [-0.5, len(classes) - 0.5]
    has_long = has_long_names(classes)
    numbers = [f"{number}" for number in range(1, len(classes) + 1)]
    figure.update_xaxes(
        # In lines: beside long names the matrix is narrow.
        title="<br>".join(wrap(f"{title}, by number", TITLE_WIDTH)) if has_long else title,
        side="top",
        showgrid=False,
        type="category",
        tickvals=names,
        ticktext=numbers if has_long else names,
        range=span,
        fixedrange=True,
    )
    figure.update_yaxes(
        title="given label",
        range=span[::-1],
        fixedrange=True,
        showgrid=False,
        type="category",
        tickvals=names,
        ticktext=[f"{number}  {short_name(name, classes)}" for number, name in enumerate(classes, 1)]
        if has_long
        else names,
    )
    return figure
