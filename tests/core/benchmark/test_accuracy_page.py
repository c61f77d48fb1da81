import runpy
import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from overread.benchmark.accuracy_figures import figures
from overread.benchmark.accuracy_page import accuracy_page, missing_cells, planned_rows
from overread.benchmark.accuracy_summary import MARKS, with_summary
from overread.benchmark.budgets import BUDGETS
from overread.benchmark.saved_lines import read_lines
from overread.benchmark.svg_chart import line_chart
from tests.paths import ROOT

SVG = "{http://www.w3.org/2000/svg}"
ACCURACIES = {"cross_entropy": (0.70, 0.72, 0.74), "dividemix": (0.8, 0.8, 0.8), "co_teaching": (0.75,)}


def made_lines(noise="idn20", **changes):
    return [
        {
            **{"table": "table2", "budget": "cpu", "task": "chest_xray", "noise": noise, "seed": seed},
            **{"method": method, "start": "simclr", "recipe": "same", "part": ""},
            **{"configuration": "a", "data": "b", "code": "c", "device": "a machine", "commit": "abc", "torch": "2"},
            **{"num_trained": 600, "num_test": 500, "majority": 0.73, "accuracy": accuracy, "seconds": 2.0 + seed},
            **{"peak_mb": 900, "average_precision": 0.5, "errors_found": [0.1, 0.2, 0.4, 0.6, 0.8]},
            **{"reliability": [[0.6, 0.5], [0.9, 0.8]], "calibration_error": 0.1},
            **changes,
        }
        for method, accuracies in ACCURACIES.items()
        for seed, accuracy in enumerate(accuracies)
    ]


def test_a_row_has_mean_and_spread_in_per_cent_and_says_where_seeds_are_few():
    page = accuracy_page([*made_lines(), *made_lines("boundary20", accuracy=0.5)])
    assert "| method | start | recipe | idn20 | boundary20 | mean | seconds | MB |" in page
    assert "| Cross-entropy | SimCLR |  | 72.00 ± 2.00 | 50.00 ± 0.00 | **61.00** | 3.0 | 900 |" in page
    assert "| Co-teaching * | SimCLR |  | 75.00 (1) | 50.00 (1) |" in page  # told the rate
    assert "a machine; torch 2; commit abc; seeds 0, 1, 2." in page
    assert "| DivideMix | its medical images | 30 % | 73.88 | the paper |" in page
    assert "the largest class is 73.0% of the test images" in page


def test_the_mean_is_of_the_noises_that_every_row_has():
    few = [line for line in made_lines("boundary20", accuracy=0.5) if line["method"] == "dividemix"]
    assert "| DivideMix | SimCLR |  | 80.00 ± 0.00 | 50.00 ± 0.00 | **80.00** |" in accuracy_page([*made_lines(), *few])


def test_our_rows_are_ranked_by_the_cells_that_every_row_has():
    ours = [line | {"method": "overread", "accuracy": 0.76} for line in made_lines() if line["method"] == "dividemix"]
    page = accuracy_page([*made_lines(), *ours])
    # Seed 0 alone is everywhere: 70, 80 and 75 of the others.
    assert "Of 4 rows, by the mean over the noises and seeds that all have (1 in all)" in page
    assert "Overread, network on judged labels (SimCLR) is number 2 with 76.00. The first is DivideMix" in page
    assert "rows, by the mean" not in accuracy_page(made_lines())


def test_the_page_says_what_is_not_measured():
    page = accuracy_page(made_lines())
    num_rows = len(planned_rows("table2", "cpu"))
    assert f"chest_xray: idn20 {3 * num_rows - 7} of {3 * num_rows}, idn30 {3 * num_rows} of" in page
    assert "lung_histology: all; chaoyang: all" in page
    whole = [
        {"task": "demo_tiles", "noise": noise, "seed": seed, **vars(row)}
        for row in planned_rows("table2", "smoke")
        for noise in BUDGETS["smoke"].tasks["table2"]["demo_tiles"]
        for seed in range(3)
    ]
    assert missing_cells("table2", "smoke", pd.DataFrame(whole)) == []
    assert missing_cells("table2", "smoke", pd.DataFrame(whole[1:])) == [
        f"demo_tiles: idn20 1 of {len(whole) // 2}",
    ]


def test_a_table_without_a_line_is_named_with_what_papers_print():
    page = accuracy_page(made_lines())
    assert page.count("**Nothing is measured yet** of ") == 3
    assert "| Softmax-weighted pseudo-labels | CIFAR-10 | idn20 | 94.40 | the paper |" in page
    assert page.count("budget gpu") == 0


def test_over_all_tasks_each_counts_as_much_as_another():
    ours = [line | {"method": "overread", "accuracy": 0.76} for line in made_lines() if line["method"] == "dividemix"]
    here = [*made_lines(), *ours]
    lung = [
        line | {"task": "lung_histology", "accuracy": 0.5} for line in made_lines() if line["method"] != "dividemix"
    ]
    best = [
        {**here[0], "task": "lung_histology", "method": name, "accuracy": 0.9} for name in ("overread", "dividemix")
    ]
    page = accuracy_page([*here, *made_lines("idn30"), *(line | {"noise": "idn30"} for line in ours), *lung, *best])
    # Chest has two noises of which seed 0 is everywhere, lung one: (0.76 + 0.9) / 2 and (0.8 + 0.9) / 2.
    assert (
        "### Over all tasks" in page
        and "(SimCLR) is number 2 with 83.00. The first is DivideMix (SimCLR) with 85.00" in page
    )
    assert "Over all tasks" not in accuracy_page(here)


def test_of_a_cell_measured_again_the_last_line_counts():
    again = [line | {"code": "d", "accuracy": 0.9} for line in made_lines()]
    assert "| Cross-entropy | SimCLR |  | 90.00 ± 0.00 |" in accuracy_page([*made_lines(), *again])


def test_figures_have_a_line_for_each_method_through_its_means():
    drawn = figures([*made_lines(), *made_lines("idn30", accuracy=0.6), *made_lines(start="none")])
    assert list(drawn) == [f"table2-cpu-chest_xray-{kind}" for kind in ("accuracy-idn", "errors", "reliability")]
    for image in drawn.values():
        assert [text.text for text in ET.fromstring(image).iter(f"{SVG}text")][-3:] == [
            *("Cross-entropy", "Co-teaching", "DivideMix"),
        ]


def test_points_are_where_the_axes_say():
    root = ET.fromstring(line_chart("A & B", "x", "y", {"one": [(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)]}))
    (left, low), (middle, high), (right, last) = [
        (float(dot.get("cx")), float(dot.get("cy"))) for dot in root.iter(f"{SVG}circle")
    ]
    assert middle - left == pytest.approx(right - middle, abs=0.2)
    assert (low, high < low) == (last, True)
    ticks = [text for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    values, places = ([float(value) for value in row] for row in ([t.text for t in ticks], [t.get("y") for t in ticks]))
    slope = (places[-1] - places[0]) / (values[-1] - values[0])
    assert places[0] - 4 + slope * (1.0 - values[0]) == pytest.approx(high, abs=1)
    with pytest.raises(ValueError, match="nothing to draw"):
        line_chart("A", "x", "y", {"one": []})


def test_the_committed_pages_and_figures_are_those_of_the_committed_lines():
    made = runpy.run_path(str(ROOT / "core" / "docs" / "make_pages.py"))["measured_pages"]()
    folder = ROOT / "core" / "docs" / "results"
    assert read_lines(folder / "accuracy.jsonl")
    assert {"results/accuracy.md", "results/detection.md", "../../README.md"} <= set(made)
    old = [name for name, content in made.items() if (ROOT / "core" / "docs" / name).read_text("utf-8") != content]
    assert old == [], "run: python core/docs/make_pages.py"
    assert {path.name for path in (folder / "figures").iterdir()} == {
        name.rsplit("/", 1)[1] for name in made if name.endswith(".svg")
    }


def whole_lines(**changes):
    return [
        {**made_lines()[0], **vars(row), "noise": noise, "seed": seed, "accuracy": 0.7 + 0.1 * seed, **changes}
        for row in planned_rows("table2", "cpu")
        for noise in BUDGETS["cpu"].tasks["table2"]["chest_xray"]
        for seed in range(3)
    ]


def test_the_readme_has_a_table_of_what_is_measured_whole_and_nothing_else_changes():
    readme = f"# Title\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nThe rest.\n"
    made = with_summary(readme, whole_lines())
    assert "|  | chest_xray |" in made
    assert "| DivideMix | 80.0 ± 10.0 |" in made
    assert (made.startswith("# Title\n\n"), made.endswith("\n\nThe rest.\n"), "old" in made) == (True, True, False)
    assert with_summary(made, whole_lines()) == made
    assert with_summary(made, whole_lines()[1:]) == f"# Title\n\n{MARKS[0]}\n{MARKS[1]}\n\nThe rest.\n"
    with pytest.raises(ValueError, match="README has no"):
        with_summary("# Title", [])
