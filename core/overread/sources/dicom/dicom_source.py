"""The format `dicom`: DICOM files, labelled by a CSV that refers to them by a key, or by one of their tags."""

from overread.records import Source
from overread.sources.dicom.keyed_tree import KEYS, is_release, read_dicom_tree
from overread.sources.dicom.tag_labels import read_dicom_labels
from overread.sources.request import COLUMN_KINDS
from overread.sources.source_files import SourceFiles, tables_in
from overread.sources.source_format import FormatOption, LabelPlace, SourceFormat


def _recognise(files: SourceFiles) -> bool:
    if files.labels_file is not None:
        return not (files.is_zip or files.is_json) and is_release(files.labels_file)
    tables = tables_in(files.root)
    if files.is_table_meant and len(tables) > 1:
        return False
    return any(map(is_release, tables))


def _read(files: SourceFiles) -> Source:
    request = files.request
    if request.label_tag:
        return read_dicom_labels(files.root, request.label_tag)
    return read_dicom_tree(files.only_table(), files.root, key=request.key, columns=request.columns)


FORMAT = SourceFormat(
    name="dicom",
    title="DICOM files, labelled by a CSV or a tag",
    recognise=_recognise,
    read=_read,
    precedence=60,
    label_places=(
        LabelPlace(
            title="A CSV that identifies the files by a tag",
            columns=COLUMN_KINDS,
            options=(
                FormatOption(
                    field="key",
                    title="Tag that identifies the files",
                    whose="DICOM files",
                    hint="the tag that identifies them in the labels file, or name",
                    choices=lambda _: KEYS,
                    implies_format=True,
                ),
            ),
        ),
        LabelPlace(
            title="A DICOM tag in the files",
            options=(
                FormatOption(
                    field="label_tag",
                    title="Tag that holds the label",
                    whose="DICOM files without a labels file",
                    hint="its keyword, or (gggg,eeee)",
                    placeholder="BodyPartExamined",
                    implies_format=True,
                ),
            ),
        ),
    ),
    is_table=True,
)
