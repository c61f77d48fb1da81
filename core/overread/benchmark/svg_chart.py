"""Line charts as SVG files, which GitHub shows in a page as they are."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 820, 420
_LEFT, _TOP, _BOTTOM, _LEGEND = 60, 40, 50, 300
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
"""Okabe and Ito's, which people who are colour-blind tell apart; beyond them lines are dashed."""
_DASHES = ("", "6 4", "2 3")
_MOST_TICKS = 7
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

Point = tuple[float, float]


def line_chart(
    title: str, x_label: str, y_label: str, series: Mapping[str, Sequence[Point]], *, diagonal: bool = False
) -> str:
    """An SVG image of named lines, in their order, on white. diagonal: also the line y = x, grey. Both axes hold all
    points, with a twentieth of their range beside them. Raises ValueError where there is no point."""
    points = [point for line in series.values() for point in line]
    if not points:
        raise ValueError(f"{title}: there is nothing to draw")
    x_axis, y_axis = (_range([point[axis] for point in points]) for axis in (0, 1))
    right, bottom = _WIDTH - _LEGEND, _HEIGHT - _BOTTOM

    def place(point: Point) -> Point:
        x = _LEFT + (point[0] - x_axis[0]) / (x_axis[1] - x_axis[0]) * (right - _LEFT)
        return x, bottom - (point[1] - y_axis[0]) / (y_axis[1] - y_axis[0]) * (bottom - _TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" role="img"><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
    ]
    for value in _ticks(y_axis):
        _, y = place((x_axis[0], value))
        parts += [
            f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>',
        ]
    for value in _ticks(x_axis):
        x, _ = place((value, y_axis[0]))
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{value:g}</text>')
    middle_x, middle_y = (_LEFT + right) / 2, (_TOP + bottom) / 2
    parts += [
        f'<text x="{middle_x}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text transform="translate(16 {middle_y}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>',
    ]
    if diagonal:
        ends = [max(x_axis[0], y_axis[0]), min(x_axis[1], y_axis[1])]
        parts.append(_line([place((end, end)) for end in ends], "#aaa", "4 4"))
    for number, (name, line) in enumerate(series.items()):
        colour, dash = _COLOURS[number % len(_COLOURS)], _DASHES[number // len(_COLOURS) % len(_DASHES)]
        placed = [place(point) for point in line]
        parts.append(_line(placed, colour, dash))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        y = _TOP + 10 + 18 * number
        parts.append(_line([(right + 12, y), (right + 36, y)], colour, dash))
        parts.append(f'<text x="{right + 42}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(points: Sequence[Point], colour: str, dash: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) / 20 or 0.05
    return low - margin, high + margin


def _ticks(axis: tuple[float, float]) -> list[float]:
    """Round numbers on an axis, few enough to read."""
    low, high = axis
    step = next((step for step in _STEPS if (high - low) / step < _MOST_TICKS), (high - low) / _MOST_TICKS)
    return [round(number * step, 6) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
