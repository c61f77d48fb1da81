import numpy as np

from overread.phases import Stage, StageKind
from overread.training.consensus import stage_consensus
from overread.training.trace import Trace


def made_trace(names):
    rng = np.random.default_rng(0)
    trace = Trace()
    for name in names:
        trace.add_stage(Stage.parse(name), rng.dirichlet(np.ones(3), size=5).astype(np.float32))
    trace.add_round(stage_consensus(np.stack(trace.stage_probs), rng.integers(0, 3, 5), max_loss=1.0))
    trace.embeddings = rng.normal(size=(5, 4)).astype(np.float32)
    trace.cross_fitted = rng.dirichlet(np.ones(3), size=5).astype(np.float32)
    trace.cross_fitted_stages = {e: rng.dirichlet(np.ones(3), size=5).astype(np.float32) for e in (2, 10, 5)}
    return trace


def test_a_trace_comes_back_from_its_tensors():
    trace = made_trace(["warmup", "round 1 epoch 2"])
    again = Trace.from_tensors(
        trace.to_tensors(), [Stage.parse(name) for name in ("warmup", "round 1 epoch 2", "round 1 epoch 4")]
    )
    assert again.stages == trace.stages
    for name in ("stage_probs", "pseudo_labels", "is_consensus"):
        np.testing.assert_array_equal(getattr(again, name), getattr(trace, name))
        assert getattr(again, name)[0].dtype == getattr(trace, name)[0].dtype
    for name in ("embeddings", "cross_fitted"):
        np.testing.assert_array_equal(getattr(again, name), getattr(trace, name))
    assert again.cross_fitted_stages.keys() == trace.cross_fitted_stages.keys()
    for epoch, probs in trace.cross_fitted_stages.items():
        np.testing.assert_array_equal(again.cross_fitted_stages[epoch], probs)


def test_iterations_reach_consensus_where_all_so_far_agree():
    trace, probs = Trace(), np.full((4, 2), 0.5)
    for number, labels in enumerate(([0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 0, 1])):
        trace.add_iteration(Stage(StageKind.SELF_TRAINING, number), probs, np.array(labels))
    assert [mask.tolist() for mask in trace.is_consensus] == [
        [True] * 4,
        [True, True, False, True],
        [True, False, False, True],
    ]
    assert [str(stage) for stage in trace.stages] == ["refinement 0", "refinement 1", "refinement 2"]


def test_an_empty_trace_comes_back_empty():
    assert Trace.from_tensors(Trace().to_tensors(), [Stage(StageKind.WARMUP)]) == Trace()


def test_the_stages_of_round_1_are_not_those_of_round_10():
    trace = made_trace(["warmup", "round 1 epoch 2", "round 1 epoch 3", "round 10 epoch 2"])
    np.testing.assert_array_equal(trace.round_probs(0), trace.stage_probs[1:3])
    np.testing.assert_array_equal(trace.round_probs(9), trace.stage_probs[3:])
