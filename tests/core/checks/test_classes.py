import pandas as pd

from core.checks.classes import check_classes, check_quarantine
from tests.core.checks.samples import made_samples


def test_classes_with_few_samples_are_named_the_single_one_as_a_warning():
    labels = ["cat"] * 97 + ["dog"] + ["eel"] * 2
    findings = check_classes(made_samples([f"{i}" for i in range(100)], labels), ("cat", "dog", "eel", "fox"))
    # Two in a hundred is as many as the share that counts as rare allows.
    assert [(f.kind, f.severity, f.count, f.samples) for f in findings] == [
        ("single_sample_class", "warning", 1, ("id97",)),
        ("single_sample_class", "warning", 0, ()),
    ]
    assert "dog" in findings[0].message
    assert "fox" in findings[1].message


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
