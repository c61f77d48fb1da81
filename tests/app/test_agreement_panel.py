import numpy as np
import pytest

from overread.checks.agreement import Agreement, rater_agreement
from overread.checks.consistency import reader_consistency
from overread.pipeline.study_agreement import StudyAgreement
from overread.review.repeats import Repeat
from overread_app.components.agreement_panel import agreement_lines
from tests.core.checks.samples import made_samples


def panel(names: list[str], ratings: list[tuple[int, ...]]) -> Agreement:
    given = np.array([number % 2 for number in range(len(ratings))])
    groups = np.arange(len(ratings))
    return rater_agreement(names, np.array(ratings), given, groups, ("a_b", "dog"), num_resamples=20)


def found(everyone: Agreement, *, num_blind: int = 0, num_labels: int = 0, **panels: Agreement) -> StudyAgreement:
    return StudyAgreement(everyone, panels, [], num_blind, num_labels)


def test_the_source_s_raters_alone_are_told_and_nothing_of_readers():
    (line,) = agreement_lines(found(panel(["rater_A", "rater_B", "rater_C"], [(0, 0, 0), (1, 1, 0), (1, 1, 1)] * 4)))
    assert line.startswith("Between the source's raters: Krippendorff's alpha **0.")
    assert line.endswith(" on 12 images read by two or more.")


def test_readers_are_told_apart_from_raters_and_a_class_is_written_as_it_is():
    readers = panel(["reader Ada", "reader Ben"], [(0, 0), (1, 1), (1, 0), (0, 0)])
    raters = panel(["rater_A", "rater_B"], [(0, 0), (1, 1), (1, 0), (0, 0)])
    everyone = panel(["rater_A", "rater_B", *readers.raters], [(0, 0, 0, 0), (1, 1, 1, 1), (1, 0, 1, 0), (0, 0, 0, 0)])
    lines = agreement_lines(found(everyone, num_blind=3, num_labels=8, readers=readers, raters=raters))
    assert lines[0].startswith("Between readers: Cohen's kappa **0.50**")
    assert lines[1] == r"They differ on 1 image, most often on those given as a\_b (50% of these)."
    assert lines[2].startswith("Between the source's raters: Cohen's kappa **0.50**")
    assert lines[3] == "3 of the readers' 8 labels were read blind, the others with the labels in view."
    assert len(lines) == 4


def test_one_label_throughout_has_no_coefficient_and_readers_who_share_nothing_no_line():
    (line, _) = agreement_lines(found(panel(["reader Ada", "reader Ben"], [(0, 0)] * 9), num_labels=18))
    assert line == "Between readers: not defined, as all their labels on 9 images read by two are the same."
    assert agreement_lines(found(panel(["reader Ada", "reader Ben"], [(0, -1), (-1, 0)]), num_labels=2)) == []


@pytest.mark.parametrize(("second", "told"), [("dog", "50% of 2 images"), ("cat", "100% of 2 images")])
def test_images_that_came_twice_are_counted_over_all_readers(second, told):
    samples = made_samples(["a", "b"], ["cat", "dog"])
    ids = samples["sample_id"].tolist()
    again = reader_consistency(
        samples,
        [Repeat("Ada", ids[0], "cat", second), Repeat("Ben", ids[1], "dog", "dog")],
        ("cat", "dog"),
        np.arange(2),
        num_resamples=5,
    )
    measured = StudyAgreement(panel(["rater_A", "reader Ada"], [(0, 0)]), {}, again, 0, 1)
    assert f"Readers gave the same label again to {told} that came twice." in agreement_lines(measured)
