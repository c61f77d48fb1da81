"""Tables of samples, as samples.csv holds them."""

from collections.abc import Sequence

import pandas as pd


def made_samples(
    images: Sequence[str],
    labels: Sequence[str],
    *,
    patients: Sequence[str] | None = None,
    slides: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Ids are id0, id1 ...; what is not given is empty."""
    empty = [""] * len(images)
    columns = {
        "sample_id": [f"id{i}" for i in range(len(images))],
        "image": list(images),
        "given_label": list(labels),
        "patient": patients or empty,
        "slide": slides or empty,
        "split": splits or empty,
    }
    return pd.DataFrame(columns, dtype=str)
