import numpy as np

from overread.checks.keypoints import Keypoints, Look, match

LOOK = Look(side_px=112, max_keypoints=12, min_matches=6)
NUM = 10


def made_keypoints(*, turn, shift, is_mirrored, seed=0):
    """Two images: the second shows the first's keypoints after turn * x + shift, which may be mirrored before."""
    rng = np.random.default_rng(seed)
    keypoints = Keypoints.none(3, LOOK)
    places = 0.2 + 0.15 * (np.arange(NUM) % 4) + 1j * (0.2 + 0.2 * (np.arange(NUM) // 4))
    roots = np.sqrt(rng.dirichlet(np.full(128, 0.3), NUM))
    angles = rng.uniform(0, 6, NUM)
    keypoints.places[0, :NUM], keypoints.angles[0, :NUM], keypoints.sizes[0] = places, angles, 0.1
    keypoints.descriptors[0, :NUM] = np.minimum(512 * roots, 255)
    if is_mirrored:
        places, angles = places.conj(), -angles
        roots = roots.reshape(NUM, 4, 4, 8)[:, ::-1][..., [0, 7, 6, 5, 4, 3, 2, 1]].reshape(NUM, 128)
    order = rng.permutation(NUM)
    keypoints.places[2, :NUM] = (turn * places + shift)[order]
    keypoints.angles[2, :NUM] = (angles + np.angle(turn))[order]
    keypoints.sizes[2] = 0.1 * abs(turn)
    keypoints.descriptors[2, :NUM] = np.minimum(512 * roots, 255)[order]
    return keypoints


def test_a_turned_zoomed_and_mirrored_image_is_matched_by_its_own_transform():
    turn = 0.8 * np.exp(0.4j)
    x, y = turn.real, turn.imag
    for is_mirrored, down in ((False, 0.05), (True, 0.5)):
        shift = 0.1 + 1j * down
        found = match(made_keypoints(turn=turn, shift=shift, is_mirrored=is_mirrored), 0, np.array([1, 2]), LOOK)
        assert [(one.row, one.num_matches) for one in found] == [(2, NUM)]
        sign = -1 if is_mirrored else 1
        np.testing.assert_allclose(found[0].transform, [[x, -sign * y, 0.1], [y, sign * x, down]], atol=1e-4)


def test_like_keypoints_at_places_without_a_common_transform_are_no_match():
    keypoints = made_keypoints(turn=1, shift=0, is_mirrored=False)
    keypoints.places[2, :NUM] = np.random.default_rng(1).uniform(0, 1, NUM)
    assert match(keypoints, 0, np.array([1, 2]), LOOK) == []
