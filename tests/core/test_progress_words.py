"""What a training does, in words."""

import re

import pytest

from overread import progress_words
from overread.config import PRESETS
from overread.phases import PhaseKind, plan_phases
from overread.progress_words import first_words, phase_words


def test_every_phase_of_every_preset_has_words_of_its_own():
    assert set(progress_words.PHASES) == set(PhaseKind)
    for settings in PRESETS.values():
        names = tuple(phase.name for phase in plan_phases(settings, settings.cross_fitting.num_folds))
        words = [phase_words(name, names) for name in names]
        assert len(set(words)) == len(names)
        assert not set(names) & set(words)


def test_phases_of_which_there_are_several_are_counted():
    names = ("pretrain", "fold 1", "fold 2", "fold 3", "round 1")
    assert phase_words("fold 2", names) == "Comparing labels: 2 of 3"
    assert phase_words("round 1", names) == "Refining the labels"
    assert phase_words("something new", names) == "something new"


@pytest.mark.parametrize(
    ("num", "words"),
    [
        (0, "no proposals yet; training continues"),
        (1, "1 proposal can be reviewed; training continues"),
        (37, "37 proposals can be reviewed; training continues"),
    ],
)
def test_the_first_proposals_are_counted(num, words):
    assert first_words(num) == words


def test_no_text_is_longer_than_a_clinician_reads_at_a_glance():
    texts = [text for name, text in vars(progress_words).items() if name.isupper() and isinstance(text, str)]
    assert all(len(re.findall(r"\w+", text)) <= 6 for text in [*texts, *progress_words.PHASES.values()])
