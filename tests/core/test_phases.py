import pytest

from overread.phases import Phase, PhaseKind, Stage, StageKind

NAMES = {
    "warmup": Stage(StageKind.WARMUP),
    "round 1 epoch 2": Stage(StageKind.ROUND, 0, 2),
    "round 10 epoch 5": Stage(StageKind.ROUND, 9, 5),
    "final": Stage(StageKind.FINAL),
    "networks epoch 5": Stage(StageKind.NETWORKS, epoch=5),
    "networks": Stage(StageKind.NETWORKS),
    "refinement 0": Stage(StageKind.SELF_TRAINING, 0),
    "together": Stage(StageKind.TOGETHER),
}
"""As trace.npz has them, also that of an earlier version."""


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_is_read_from_the_name_that_it_writes(name):
    assert str(NAMES[name]) == name
    assert Stage.parse(name) == NAMES[name]


@pytest.mark.parametrize(
    "name", ("", "round", "round 1 epoch", "round one", "round 01 epoch 2", "warmup 1 epoch 2 3", "x")
)
def test_what_is_no_stage_is_refused(name):
    with pytest.raises(ValueError, match=r"is not a valid StageKind|is no stage of a run|invalid literal"):
        Stage.parse(name)


def test_rounds_and_folds_are_counted_from_1_in_names():
    phases = (Phase(PhaseKind.PRETRAIN, 1), Phase(PhaseKind.FOLD, 1, 0), Phase(PhaseKind.ROUND, 1, 2))
    assert [phase.name for phase in phases] == ["pretrain", "fold 1", "round 3"]
