import pytest

from overread.sources.sidecars import sidecar_message, without_sidecars


@pytest.mark.parametrize(
    ("sidecars", "images"),
    [
        (["benign (1)_mask.png", "benign (1)_mask_1.png"], ["benign (1).png"]),
        (["a/scan_Segmentation.tif", "a/scan-seg.nii", "a/scan_overlay.png"], ["a/scan.jpg"]),
        (["ISIC_0000000_superpixels.png"], ["ISIC_0000000.jpg"]),
        (["scan.thumb.jpg", "scan_thumbnail.jpg"], ["scan.jpg"]),
        (["COVID/masks/COVID-1.png"], ["COVID/images/COVID-1.png"]),
        (["COVID/lung masks/1.png", "COVID/infection-masks/1.png"], ["COVID/images/1.png"]),
        (["labelsTr/1.png", "SegmentationClass/1.png", "label/1.png"], ["imagesTr/1.png"]),
        (["masks/cat/1.png", "Segmentations/cat/1_seg.png"], ["images/cat/1.png", "images/dog/1.png"]),
        (["cat/thumbs/1.jpg", "cat/mask/1.png"], ["cat/1.png"]),
    ],
)
def test_masks_overlays_and_thumbnails_of_an_image_are_left_out_and_kept_if_asked_for(sidecars, images):
    files = sorted([*sidecars, *images])
    found, left_out = without_sidecars(files)
    assert found == sorted(images)
    assert sorted(file for kind in left_out.values() for file in kind) == sorted(sidecars)
    assert without_sidecars(files, keep_masks=True)[0] == files


@pytest.mark.parametrize(
    "files",
    [
        ["a/scan_mask.png", "b/scan.png"],
        ["masks/1.png", "masks/2.png"],
        ["mask/1.jpg", "no_mask/1.jpg"],
        ["masks/1.png", "images/2.png"],
        ["with_mask/1.jpg", "with_mask/2.jpg"],
        ["lesion.png", "mask.png"],
        ["1.2.840.1", "1.2.840.2"],
    ],
    ids=lambda files: files[0],
)
def test_a_mask_without_its_image_and_a_class_called_mask_are_images(files):
    assert without_sidecars(files) == (files, {})


def test_files_that_are_no_images_are_told_by_kind_with_an_example():
    files = ["README", "cat/1.png", "cat/1.xml", "cat/Thumbs.db", "cat/desktop.ini", "cat/notes.docx", "labels.csv"]
    found, left_out = without_sidecars(files, keep_masks=True)
    assert found == ["cat/1.png"]
    assert left_out == {
        "annotation files": ["cat/1.xml"],
        "notes, tables and system files": ["README", *files[3:]],
    }
    assert sidecar_message(left_out) == (
        "left out: 5 notes, tables and system files (README, ...), 1 annotation file (cat/1.xml)"
    )


def test_the_note_on_masks_names_the_flag_that_keeps_them():
    _, left_out = without_sidecars(["1.png", "1_mask.png", "1_thumb.png"])
    assert sidecar_message(left_out) == (
        "left out: 1 mask or overlay (1_mask.png), 1 thumbnail (1_thumb.png); "
        "--keep-masks imports masks and thumbnails too"
    )
    assert sidecar_message(without_sidecars(["1.png"])[1]) == ""
