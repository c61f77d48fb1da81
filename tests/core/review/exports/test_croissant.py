import hashlib
import json

import mlcroissant
import pytest

from overread.pipeline.exporting import export_study, export_table
from overread.review.cleaned_csv import COLUMNS
from overread.review.final_labels import LabelPolicy


@pytest.fixture
def metadata(study, tmp_path, request):
    policy = getattr(request, "param", LabelPolicy.UNANIMOUS)
    export_study(study, tmp_path / "cleaned.csv", format="croissant", policy=policy)
    return tmp_path / "cleaned.croissant.json"


def test_the_metadata_tell_the_csv_s_checksum_and_columns(study, metadata):
    csv = metadata.with_name("cleaned.csv")
    content = json.loads(metadata.read_text())
    (file,) = content["distribution"]
    assert file["sha256"] == hashlib.sha256(csv.read_bytes()).hexdigest()
    assert file["contentUrl"] == "cleaned.csv"
    fields = content["recordSet"][0]["field"]
    assert [field["name"] for field in fields] == ["image", "label", *COLUMNS]
    assert "ward" not in metadata.read_text()


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning:rdflib")
@pytest.mark.parametrize("metadata", [LabelPolicy.UNANIMOUS, LabelPolicy.SOFT, LabelPolicy.DAWID_SKENE], indirect=True)
def test_mlcroissant_finds_nothing_wrong_and_reads_the_records(study, metadata):
    dataset = mlcroissant.Dataset(jsonld=metadata)
    assert list(dataset.metadata.issues.errors) == []
    records = list(dataset.records("labels"))
    table, _ = export_table(study)
    found = [
        {
            key.removeprefix("labels/"): value.decode() if isinstance(value, bytes) else value
            for key, value in record.items()
        }
        for record in records
    ]
    assert [record["image"] for record in found] == table["image"].tolist()
    assert [record["is_changed"] for record in found] == (table["is_changed"] == "true").tolist()
    kept = table["final_label"] != ""
    assert [record["final_label"] for record, keep in zip(found, kept, strict=True) if keep] == table[kept][
        "final_label"
    ].tolist()
