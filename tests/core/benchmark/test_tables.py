import pandas as pd
import pytest

from overread.benchmark.summary import summary
from overread.benchmark.tables import report

BASE = {
    "num_samples": 100,
    "num_classes": 3,
    "num_errors": 20,
    "num_proposed": 18,
    "auroc": 0.9,
    "precision": 0.8,
    "recall": 0.7,
    "f1": 0.75,
    "proposed_label_accuracy": 0.95,
    "expected_errors": 22.0,
    "expected_precision": 0.82,
    "expected_calibration_error": 0.03,
    "seconds": 1.5,
    "device": "a machine",
    "versions": "scikit-learn 1.9",
    "load": 2.4,
    "commit": "abc",
}
PRECISIONS = {
    ("chest_xray", "idn20"): {"overread": 0.90, "cleanlab": 0.80, "simifeat": 0.85, "oracle": 0.96},
    ("cifar10n", "worst"): {"overread": 0.70, "cleanlab": 0.60, "simifeat": 0.72, "oracle": 0.84},
}


def lines(**changes):
    return [
        {
            "task": task,
            "features": "simclr",
            "noise": noise,
            "seed": seed,
            "method": method,
            **BASE,
            "average_precision": value + (0.01 if seed else -0.01),
            **changes.get(f"{method}_{noise}", {}),
        }
        for (task, noise), values in PRECISIONS.items()
        for method, value in values.items()
        for seed in (0, 1)
    ]


def test_the_page_has_each_cell_s_mean_and_spread_and_the_ceiling_beside():
    page = report(lines())
    assert "| task | noise | overread | cleanlab | simifeat | oracle |" in page
    assert "| chest_xray | idn20 | 0.900 ± 0.014 | 0.800 ± 0.014 | 0.850 ± 0.014 | 0.960 ± 0.014 |" in page
    assert "| mean |  | **0.800** | **0.700** | **0.785** | **0.900** |" in page
    for said in (
        "a machine (load 2 to 2)",
        "commit abc",
        "seeds 0, 1",
        "scikit-learn 1.9",
        "symmetric noise with a random rate",
    ):
        assert said in page


def test_the_summary_says_what_the_figures_come_to():
    changes = {
        "overread_worst": {"f1": 0.60, "expected_calibration_error": 0.08, "proposed_label_accuracy": 0.88},
        "overread_idn20": {"expected_precision": 0.9},
    }
    said = "\n".join(summary(pd.DataFrame(lines(**changes))))
    assert (
        "mean average precision 0.8000; of the peers simifeat has the best mean, 0.7850: overread is 0.0150 ahead"
        in said
    )
    assert "on 1 of 2 cells: cifar10n worst by 0.0200" in said
    assert "mean of 1 - AP: 0.667 x cleanlab's" in said  # (0.1 + 0.3) / (0.2 + 0.4)
    assert "50% of the way from cleanlab to the oracle" in said  # 0.1 of 0.2
    assert "F1 on cifar10n worst: 0.600, cleanlab's cut-off 0.750: 0.1500 behind" in said
    assert "F1 on chest_xray" not in said
    assert "largest calibration error: 0.080 (cifar10n worst)" in said
    assert "largest distance of expected and real precision: 0.100 (chest_xray idn20)" in said
    assert "smallest proposed-label accuracy (3 classes or more): 0.880 (cifar10n worst)" in said


def test_what_was_not_measured_is_left_out():
    some = [line for line in lines() if line["method"] in ("overread", "oracle")]
    said = "\n".join(summary(pd.DataFrame(some)))
    assert "cleanlab" not in said
    assert "calibration" in said
    nothing = [line | {"precision": None, "expected_precision": None, "f1": None} for line in some]
    page = report(nothing)
    assert "expected and real precision" not in page
    alone = report([line for line in lines() if line["method"] == "simifeat"])
    assert "overread" not in alone


def test_a_peer_that_was_not_measured_everywhere_has_no_mean():
    some = [line for line in lines() if (line["method"], line["noise"]) != ("simifeat", "worst")]
    page = report(some)
    assert "of the peers cleanlab has the best mean" in page
    assert page.count("0.850 ± 0.014") == 1
    bottom = next(line for line in page.splitlines() if line.startswith("| mean"))
    assert bottom.split("|")[5].strip() == ""


def test_a_method_without_features_stands_in_every_kind_s_table():
    paper = [line | {"method": "paper", "features": "none"} for line in lines() if line["method"] == "simifeat"]
    both = [line | {"features": kind} for kind in ("simclr", "pretrained") for line in lines()]
    page = report([*both, *paper])
    assert page.count("| simifeat | paper | oracle |") == pytest.approx(6)


def regime(noise, seed, method, average_precision, **changes):
    cell = {"task": "cifar10n", "features": "simclr", "noise": noise, "seed": seed, "method": method}
    return {**BASE, **cell, "average_precision": average_precision, **changes}


def test_regimes_have_a_table_of_their_own_and_count_in_no_mean():
    ranges = {"errors_low": 15.0, "errors_high": 25.0, "errors_in_range": 1.0}
    ranges |= {"right_low": 10.0, "right_high": 16.0, "right_in_range": 0.0}
    of_regimes = [
        regime("rare", 0, "overread", 0.50, f1=0.4, **ranges),
        regime("rare", 1, "overread", 0.54, f1=0.6, **ranges),
        regime("rare", 0, "cleanlab", 0.62),
        regime("rare", 1, "cleanlab", 0.62),
        regime("rare_unchanged", 0, "overread", None, f1=None, precision=None, num_errors=0, **ranges),
    ]
    page = report([*lines(), *of_regimes])
    assert report(lines()).split("## Features")[1] in page.replace("### Regimes", "## Features")
    part = page.split("### Regimes")[1]
    assert "| cifar10n | rare | 2 | 100 | 20 | 22 | 15 | 25 | 0.520 ± 0.028 | 0.620 ± 0.000 | 0.500 ± 0.141 |" in part
    assert "| cifar10n | rare_unchanged | 1 | 100 | 0 | 22 | 15 | 25 | - |  | - |  | 18 |  | 0.820 | 0.030 |" in part
    assert "- `rare`: five classes" in part and "- `unchanged`: no label is wrong" in part
    assert "`many_small`" not in part
    assert "over the 1 with wrong labels: overread 0.520, cleanlab 0.620; F1 0.500 and 0.750" in part
    assert "behind cleanlab in average precision on 1: cifar10n rare by 0.100" in part
    assert "contains their number in 3 of 3 cells" in part and "contains their number in 0 of 3 cells" in part
