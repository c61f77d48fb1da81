import pandas as pd

from overread.checks.class_counts import check_classes, check_quarantine
from tests.core.checks.samples import made_samples


def test_classes_with_one_sample_or_none_are_one_warning_that_names_them():
    labels = ["cat"] * 97 + ["dog"] + ["eel"] * 2
    (finding,) = check_classes(made_samples([f"{i}" for i in range(100)], labels), ("cat", "dog", "eel", "fox"))
    # Two in a hundred is as many as the share that counts as rare allows.
    assert (finding.kind, finding.severity, finding.count) == ("single_sample_class", "warning", 1)
    assert finding.samples == ("id97",)
    assert finding.message.startswith("2 classes have one sample or none")
    assert finding.message.endswith("(dog, fox)")


def test_of_very_many_classes_a_few_are_named():
    labels = [f"c{i}" for i in range(300)]
    (finding,) = check_classes(made_samples(labels, labels), tuple(labels))
    assert (finding.count, len(finding.samples)) == (300, 300)
    assert finding.message.endswith("c9 and 290 more)")


def test_a_rare_class_is_worth_a_word():
    labels = ["cat"] * 990 + ["dog"] * 10
    (finding,) = check_classes(made_samples([f"{i}" for i in range(1000)], labels), ("cat", "dog"))
    assert (finding.kind, finding.severity, finding.count) == ("rare_class", "info", 10)
    assert len(finding.samples) == 10


def test_balanced_classes_are_no_finding():
    assert check_classes(made_samples(["a", "b", "c", "d"], ["cat", "dog"] * 2), ("cat", "dog")) == []


def test_quarantined_rows_are_counted_by_reason():
    quarantine = pd.DataFrame(
        {"row": ["2", "5", "9"], "image": ["x/a.png", "b", "c"], "reason": ["is empty", "is too small", "is empty"]}
    )
    findings = check_quarantine(quarantine)
    assert [(f.count, f.message.split(": ")[1]) for f in findings] == [(2, "is empty"), (1, "is too small")]
    assert all("a.png" not in f.message for f in findings)
    assert check_quarantine(quarantine.iloc[:0]) == []
