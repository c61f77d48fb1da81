"""Charts of the probabilities: the expected yield of reviewing more images, and the calibration."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from overread.detection.proposal_set import Expectation, TradeOff
from overread.metrics import ReliabilityCurve
from overread_app.components.charts import template
from overread_app.theme import current_theme


def trade_off_curve(curve: TradeOff, own: Expectation, band: tuple[np.ndarray, np.ndarray] | None = None) -> go.Figure:
    """The expected share of all wrong labels found, by the number of images read, and the run's own choice.

    band: the lower and the higher share at each of the curve's points, if there is a range."""
    hover = "%{x:,} images: about %{y:.0f} % found<br>%{customdata:.0f} % of them wrong<extra></extra>"
    theme = current_theme()
    figure = go.Figure()
    if band is not None:
        shares = np.concatenate([band[0], band[1][::-1]])
        figure.add_scatter(
            x=np.concatenate([curve.num_samples, curve.num_samples[::-1]]),
            y=100 * shares,
            fill="toself",
            fillcolor=theme.accent,
            opacity=0.2,
            mode="none",
            name="range",
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=curve.num_samples,
        y=100 * curve.recall,
        customdata=100 * curve.precision,
        mode="lines",
        name="by decreasing probability",
        line={"width": 2, "color": theme.accent},
        hovertemplate=hover,
    )
    figure.add_scatter(
        x=[own.num_samples],
        y=[100 * own.recall],
        customdata=[100 * own.precision],
        mode="markers",
        name=f"as proposed: {own.num_samples:,} images",
        marker={"size": 11, "color": theme.ink},
        hovertemplate=hover,
    )
    figure.update_layout(template=template(theme), height=320)
    figure.update_xaxes(title="images reviewed", showgrid=False, rangemode="tozero", tickformat=",d")
    figure.update_yaxes(title="expected share of wrong labels found (%)", range=[0, 104])
    return figure


def reliability_diagram(curves: Mapping[str, ReliabilityCurve]) -> go.Figure:
    """Predicted against observed shares of wrong labels, by name of the curve: two at most, before and after a
    correction. The first has error bars, its 95 % intervals. Calibrated probabilities lie on the dashed line."""
    theme = current_theme()
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"width": 1, "dash": "dash", "color": theme.muted},
        hoverinfo="skip",
        showlegend=False,
    )
    for (name, curve), colour, symbol in zip(
        curves.items(), (theme.muted, theme.accent), ("circle-open", "circle"), strict=False
    ):
        low, high = _share_bounds(curve.error_rate, curve.num_samples)
        figure.add_scatter(
            x=curve.mean_probability,
            y=curve.error_rate,
            customdata=curve.num_samples,
            name=name,
            mode="lines+markers",
            line={"width": 1.5, "color": colour},
            marker={"size": 9, "symbol": symbol},
            error_y={
                "type": "data",
                "array": high - curve.error_rate,
                "arrayminus": curve.error_rate - low,
                "thickness": 1,
                "visible": colour == theme.muted,  # both would hide each other
                "width": 0,
            },
            hovertemplate="predicted %{x:.2f}, observed %{y:.2f}: %{customdata:,} verdicts<extra>" + name + "</extra>",
        )
    figure.update_layout(template=template(theme), height=340)
    figure.update_xaxes(title="predicted probability of an error", range=[-0.02, 1.03], showgrid=False)
    figure.update_yaxes(title="share of labels found wrong", range=[-0.02, 1.03])
    return figure


def _share_bounds(share: np.ndarray, num: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of a share that was observed in `num` cases."""
    z2 = 1.96**2
    middle = (share + z2 / (2 * num)) / (1 + z2 / num)
    half = 1.96 * np.sqrt(share * (1 - share) / num + z2 / (4 * num**2)) / (1 + z2 / num)
    return np.minimum(middle - half, share), np.maximum(middle + half, share)
