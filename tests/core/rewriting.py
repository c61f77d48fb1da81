"""Changing the tables of a study on purpose, as if an import had written them so."""

import pandas as pd

from overread.studies.study import Study, save_study, write_table


def rewrite_samples(study: Study, samples: pd.DataFrame) -> Study:
    """Write samples.csv; returns the study that knows it so."""
    study = write_table(study, "samples.csv", list(samples.columns), samples.astype(str).to_numpy().tolist())
    save_study(study)
    return study
