"""CVAT for images 1.1, in the words of CVAT's documentation."""

import pytest

from overread.errors import ManifestError, SourceError
from overread.sources.cvat import is_cvat
from tests.core.conftest import write_image
from tests.core.importing import read_source

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def image(number, content, name=None, more=""):
    return f'<image id="{number}" name="{name or f"{number}.png"}" width="12" height="12" {more}>{content}</image>'


def tag(label):
    return f'<tag label="{label}" source="manual"><attribute name="side">left</attribute></tag>'


def box(label):
    return f'<box label="{label}" occluded="0" xtl="1" ytl="1" xbr="5" ybr="5" z_order="0"></box>'


def write(root, *images, head=HEAD, name="annotations.xml"):
    root.mkdir(exist_ok=True)
    labels = "<labels><label><name>cat</name></label></labels>"
    meta = f"<version>1.1</version><meta><job>{labels}</job></meta>"
    (root / name).write_text(f"{head}<annotations>{meta}{''.join(images)}</annotations>", encoding="utf-8")
    for number in range(3):
        write_image(root / "images" / f"{number}.png", number)
    return root


def test_the_tag_of_an_image_is_its_label(tmp_path):
    root = write(tmp_path / "task", image(0, tag("cat")), image(1, tag("dog &amp; co") + box("ear")), image(2, ""))
    for source in (read_source(root), read_source(root / "annotations.xml")):
        assert source.format == "cvat"
        rows = [(row.image, row.label) for row in source.rows]
        assert rows == [("images/0.png", "cat"), ("images/1.png", "dog & co"), ("images/2.png", "")]
        assert source.cells[1] == ("1", "1.png", "", "dog & co", "images/1.png")
        assert source.messages == ("1 images have no annotation, and so no label",)


def test_without_tags_the_shapes_are_the_labels(tmp_path):
    root = write(tmp_path / "task", image(0, box("cat") + box("cat")), image(1, box("dog")))
    source = read_source(root)
    assert [row.label for row in source.rows] == ["cat", "dog"]
    assert source.messages == ("no image has a tag: the labels are those of boxes and other shapes",)


def test_a_subset_is_the_split_and_a_folder_of_the_images(tmp_path):
    root = write(tmp_path / "task", image(0, tag("cat"), "a.png", 'subset="Train"'), image(1, tag("dog"), "1.png"))
    write_image(root / "images" / "Train" / "a.png")
    rows = [(row.image, row.split) for row in read_source(root).rows]
    assert rows == [("images/Train/a.png", "train"), ("images/1.png", "")]


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "http://example.org/a.dtd">',
    ],
)
def test_entities_are_refused(tmp_path, doctype):
    root = write(tmp_path / "task", image(0, tag("cat")), head=HEAD + doctype)
    with pytest.raises(ManifestError, match=r"annotations\.xml: declares a document type"):
        read_source(root, format="cvat", labels="annotations.xml")


def test_a_video_and_broken_xml_are_called_what_they_are(tmp_path):
    root = write(tmp_path / "task", '<track id="0" label="cat"></track>')
    with pytest.raises(ManifestError, match="is of a video"):
        read_source(root)
    write(root, "<image>")
    with pytest.raises(ManifestError, match="is not valid XML"):
        read_source(root)


def test_other_xml_is_no_export_of_cvat(tmp_path):
    path = tmp_path / "a.xml"
    for text, expected in (
        ("<annotations><image/></annotations>", True),
        (f"{HEAD}<!-- a --><annotations>", True),
        ("<annotation><folder/></annotation>", False),
        ("<html></html>", False),
        ("", False),
    ):
        path.write_text(text)
        assert is_cvat(path) is expected
    with pytest.raises(SourceError, match=r"a\.xml: is not a CVAT export"):
        read_source(path, format="cvat")
