"""Checks the arrays, lists, Series and DataFrames that callers give, and turns them into arrays."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from overread.errors import ConfigError


def number_table(name: str, values: ArrayLike, *, columns: str, min_columns: int) -> np.ndarray:
    """(N, D) float32, finite. columns: what the message calls D."""
    try:
        with np.errstate(over="ignore"):  # too large a number becomes infinity, which is refused below
            table = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{name}: are not a table of numbers ({error}); give an array of shape (N, {columns})"
        ) from error
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < min_columns:
        raise ConfigError(
            f"{name}: found shape {table.shape}, must be (N, {columns}) with N >= 2 and {columns} >= {min_columns}"
        )
    is_bad = ~np.isfinite(table).all(axis=1)
    if is_bad.any():
        raise ConfigError(
            f"{name}: row {int(is_bad.argmax())} contains NaN, infinity or a number too large for float32, as do "
            f"{int(is_bad.sum())} rows in all; all numbers must be finite"
        )
    return table


def class_numbers(
    labels: ArrayLike, classes: Sequence[Hashable] | None, *, num_samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """The labels as class numbers, (N,) int64, and the classes, (K,) object."""
    column = value_column("labels", labels, num_samples)
    is_missing = column.isna().to_numpy()
    if is_missing.any():
        raise ConfigError(f"labels: row {int(is_missing.argmax())} has none; every sample needs one")
    if pd.api.types.is_float_dtype(column.dtype):
        raise ConfigError(f"labels: found {column.dtype}, must be integers or strings")
    values = column.tolist()
    if classes is None:
        try:
            names = sorted(set(values))
        except TypeError as error:
            raise ConfigError("labels: mix types, such as numbers and strings; use only one type") from error
    else:
        names = list(classes)
        if len(set(names)) < len(names):
            raise ConfigError("classes: one of them occurs twice")
    number_of = {name: number for number, name in enumerate(names)}
    unknown = next((row for row, value in enumerate(values) if value not in number_of), None)
    if unknown is not None:
        raise ConfigError(f"labels: row {unknown} is {values[unknown]!r}, which is not among classes {names}")
    given = np.array([number_of[value] for value in values], dtype=np.int64)
    if len(np.unique(given)) < 2:
        raise ConfigError(f"labels: all are {values[0]!r}; at least two classes are needed")
    kept = np.empty(len(names), dtype=object)
    kept[:] = names
    return given, kept


def value_column(name: str, values: ArrayLike, num_samples: int) -> pd.Series:
    """One value per sample, any missing one as None or NaN. The dtype is that of numpy or pandas."""
    if np.ndim(values) != 1:
        raise ConfigError(f"{name}: found shape {np.shape(values)}, must be one value for each sample")
    column = values.reset_index(drop=True) if isinstance(values, pd.Series) else pd.Series(values)
    if len(column) != num_samples:
        raise ConfigError(f"{name}: found {len(column)}, must be {num_samples}, one for each sample")
    return column


def index_of(*sources: ArrayLike) -> pd.Index | None:
    """The index of the first input that has one."""
    for source in sources:
        if isinstance(source, pd.DataFrame | pd.Series):
            return source.index
    return None
