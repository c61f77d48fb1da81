"""A study whose readers have decided some proposals, for what is exported of it."""

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.studies.study import Study
from tests.app.made_study import write_study
from tests.app.verdicts import verdicts


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """48 samples in two splits, 8 of them proposed: two accepted, one rejected, two excluded, one disputed."""
    study = write_study(tmp_path_factory.mktemp("reviewed"))
    ledger = open_ledger(study)
    accepted = verdicts(study, reader="Ada", number=3)
    rejected = verdicts(study, reader="Ada", number=4, kind=VerdictKind.REJECT)[3:]
    excluded = verdicts(study, reader="Ada", number=6, kind=VerdictKind.EXCLUDE)[4:]
    disputed = verdicts(study, reader="Ben", number=1, kind=VerdictKind.REJECT)
    for verdict in [*accepted, *rejected, *excluded, *disputed]:
        assert ledger.record(verdict)
    return study


@pytest.fixture
def final_labels(study) -> dict[str, str]:
    """Image to final label, as the cleaned CSV has them; without what is excluded or could not be read."""
    from overread.pipeline.exporting import export_table

    table, _ = export_table(study)
    assert sorted(table["verdict"].value_counts().to_dict().items()) == [
        *(("", 42), ("accept", 2), ("disputed", 1), ("exclude", 2), ("quarantined", 2), ("reject", 1)),
    ]
    table = table[(table["verdict"] != "quarantined") & (table["final_label"] != "")]
    return dict(zip(table["image"], table["final_label"], strict=True))
