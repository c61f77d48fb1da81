import pytest

from overread.errors import ManifestError
from overread.sources.json_table import read_json_table


def read(tmp_path, content):
    path = tmp_path / "labels.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_json_table(path)


def test_values_are_kept_as_they_are_written(tmp_path):
    content = '[{"a": 1.10, "b": "007", "c": null, "d": true, "e": [1.0, "x", {"y": null}], "f": 1e400, "g": NaN}]'
    cells = {"a": "1.10", "b": "007", "c": "", "d": "true", "e": '[1.0, "x", {"y": null}]', "f": "1e400", "g": "NaN"}
    assert read(tmp_path, content) == [cells]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_are_told_apart(tmp_path, encoding):
    assert read(tmp_path, '[{"name": "Möwe"}]'.encode(encoding)) == [{"name": "Möwe"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"name": "Möwe"}]'.encode("latin-1"), "is not valid JSON"),
        ('[{"name": "\\ud800"}]', "entry 1: holds half of a surrogate pair"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"a": ' + "[" * 900 + "]" * 900 + "}]", "nested too deeply"),
    ],
    ids=["latin-1", "half a pair", "deep", "deep cell"],
)
def test_what_no_table_can_hold_is_refused(tmp_path, content, message):
    with pytest.raises(ManifestError, match=message):
        read(tmp_path, content)
