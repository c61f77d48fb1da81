"""The square tile against means over areas."""

import numpy as np

from overread.images.cache.tile import square_tile
from overread.images.decoded_image import DecodedImage


def test_the_aspect_ratio_is_kept_and_the_rest_is_black() -> None:
    wide = square_tile(DecodedImage(np.full((20, 60), 200, dtype=np.uint8)), 30)
    assert wide.shape == (30, 30, 1)
    assert (wide[10:20] == 200).all()
    assert (wide[:10] == 0).all()
    assert (wide[20:] == 0).all()
    tall = square_tile(DecodedImage(np.full((60, 20), 200, dtype=np.uint8)), 30)
    assert (tall == wide.transpose(1, 0, 2)).all()


def test_a_fine_checkerboard_becomes_grey_and_not_a_pattern() -> None:
    board = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    tile = square_tile(DecodedImage(board), 48)
    assert np.abs(tile.astype(int) - 127.5).max() < 8


def test_a_smaller_image_keeps_the_means_of_its_areas() -> None:
    ramp = np.add.outer(np.arange(320), np.arange(320)) * 255 / 640
    tile = square_tile(DecodedImage(ramp.astype(np.uint8)), 32)
    means = ramp.reshape(32, 10, 32, 10).mean(axis=(1, 3))
    assert np.abs(tile[2:-2, 2:-2, 0] - means[2:-2, 2:-2]).max() <= 1.5


def test_an_image_under_the_tile_size_is_enlarged() -> None:
    assert (square_tile(DecodedImage(np.full((8, 8), 9, dtype=np.uint8)), 64) == 9).all()
