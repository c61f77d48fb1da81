"""What the viewer sends to the browser."""

import gzip

import numpy as np
import pytest
from PIL import Image

from overread.errors import ImageError
from overread.images.decoded_image import DecodedImage
from overread.images.location import Location
from overread_app.viewer.viewer import encode, encoded_image
from tests.core.images.made_dicom import write_dicom


def values(encoded):
    """The image as the browser will hold it: codes, scaled back."""
    codes = np.frombuffer(gzip.decompress(encoded.content), dtype=f"<{'u1' if encoded.type == 'uint8' else 'u2'}")
    shape = (encoded.height, encoded.width) + ((3,) if encoded.channels == 3 else ())
    return codes.reshape(shape) * encoded.scale + encoded.offset


@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(0).integers(0, 256, (9, 14), dtype=np.uint8),
        np.random.default_rng(1).integers(0, 256, (9, 14, 3), dtype=np.uint8),
        np.random.default_rng(2).integers(0, 65536, (14, 9), dtype=np.uint16),
        np.random.default_rng(3).integers(-1024, 3000, (14, 9), dtype=np.int32),
    ],
    ids=["grey", "colour", "16 bits", "Hounsfield units"],
)
def test_every_value_of_a_picture_arrives_unchanged(pixels):
    encoded = encode(DecodedImage(pixels))
    assert np.array_equal(values(encoded), pixels)


def test_codes_lie_between_the_minimum_and_the_maximum_that_are_told():
    encoded = encode(DecodedImage(np.array([[-1000, 0], [37, 2500]] * 4, dtype=np.int32), is_dicom=True))
    assert encoded.minimum * encoded.scale + encoded.offset == -1000
    assert encoded.maximum * encoded.scale + encoded.offset == 2500


@pytest.mark.parametrize(
    "pixels",
    [
        np.array([[0, 255], [7, 9]] * 4, dtype=np.uint8),
        np.array([[0, 65535], [7, 9]] * 4, dtype=np.uint16),
        np.array([[-1000, 2500], [37, 0]] * 4, dtype=np.int32),
        np.array([[-0.5, 2.5], [1.25, 0]] * 4, dtype=np.float32),
    ],
    ids=["8 bits", "16 bits", "Hounsfield units", "floats"],
)
def test_padding_has_the_code_above_the_maximum_and_values_stay_values(pixels):
    is_padding = np.arange(16).reshape(8, 2) == 2
    encoded = encode(DecodedImage(pixels, is_dicom=True, is_padding=is_padding))
    arrived = values(encoded)
    assert (arrived[is_padding] == (encoded.maximum + 1) * encoded.scale + encoded.offset).all()
    assert np.abs(arrived - pixels)[~is_padding].max() <= np.ptp(pixels.astype(float)) / 2**16
    assert arrived[~is_padding].max() <= encoded.maximum * encoded.scale + encoded.offset


def test_the_window_of_the_file_is_told_in_the_picture_s_own_units():
    pixels = np.arange(-1024, 1024, dtype=np.int32).reshape(32, 64)
    encoded = encode(DecodedImage(pixels, is_dicom=True, window_center=40.0, window_width=400.0, is_inverted=True))
    assert (encoded.center, encoded.window, encoded.is_inverted) == (40.0, 400.0, True)


def test_the_same_pixels_give_the_same_bytes_so_that_their_address_says_nothing_else():
    pixels = np.random.default_rng(4).integers(0, 256, (20, 20), dtype=np.uint8)
    assert encode(DecodedImage(pixels)).content == encode(DecodedImage(pixels.copy())).content


def test_a_file_that_changes_is_read_again(tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(np.zeros((16, 16), dtype=np.uint8)).save(path)
    assert values(encoded_image(Location.of(path))).max() == 0
    Image.fromarray(np.full((16, 17), 255, dtype=np.uint8)).save(path)
    assert values(encoded_image(Location.of(path))).min() == 255


def test_a_missing_file_is_an_image_error_without_its_name(tmp_path):
    with pytest.raises(ImageError) as raised:
        encoded_image(Location.of(tmp_path / "secret-patient.png"))
    assert "secret" not in str(raised.value)


def test_frames_of_one_file_are_pictures_of_their_own(tmp_path):
    write_dicom(tmp_path / "a.dcm", np.arange(3, dtype=np.uint8)[:, None, None].repeat(9, 1).repeat(10, 2))
    shown = [values(encoded_image(Location(str(tmp_path / "a.dcm"), frame))) for frame in (1, 2, 3, None)]
    assert [(image.min(), image.max()) for image in shown] == [(0, 0), (1, 1), (2, 2), (1, 1)]


def test_a_scale_bar_and_presets_get_what_the_file_says(tmp_path):
    pixels = np.arange(-800, 800, dtype=np.int16).reshape(40, 40)
    windows = {"WindowCenter": [40, -600], "WindowWidth": [400, 1500]}
    write_dicom(tmp_path / "a.dcm", pixels, Modality="CT", PixelSpacing=[0.7, 0.7], **windows)
    encoded = encoded_image(Location.of(tmp_path / "a.dcm"))
    assert (encoded.modality, encoded.windows) == ("CT", ((40, 400), (-600, 1500)))
    assert (encoded.spacing_mm, encoded.is_at_detector) == ((0.7, 0.7), False)
    assert encode(DecodedImage(pixels.astype(np.int32))).spacing_mm is None
