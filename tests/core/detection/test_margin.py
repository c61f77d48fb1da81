import numpy as np
import pytest

from overread.detection.margin import margin_score


@pytest.mark.parametrize("num_classes", [2, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_margin_is_that_of_plain_loops(num_classes, dtype):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(num_classes, 0.4), 100).astype(dtype)
    given = rng.integers(0, num_classes, 100)
    kept = probs.copy()
    scores = margin_score(probs, given)
    for row, label, score in zip(probs.tolist(), given, scores, strict=True):
        other = max(p for k, p in enumerate(row) if k != label)
        assert score == pytest.approx((1 - row[label] + other) / 2, abs=1e-6)
        assert (score > 0.5) == (other > row[label])
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(probs, kept)
