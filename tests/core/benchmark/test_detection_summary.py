import pytest

from overread.benchmark.detection_summary import MARKS, with_detection

README = f"# Title\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nThe rest.\n"
PAGE = """
## Features: simclr

### Average precision
| task | noise | overread | loss |

## Features: pretrained

### Average precision for finding the wrong labels

| task | noise | overread | cleanlab | loss | oracle |
| --- | --- | --- | --- | --- | --- |
| chest_xray | idn10 | 0.900 ± 0.005 | 0.500 ± 0.1 | 0.7 | 0.99 |
| chest_xray | idn20 | 0.800 ± 0.005 | 0.700 ± 0.1 | 0.7 | 0.99 |
| lung_histology | idn10 | 0.5 | 0.6 | 0.1 | 1 |
| cifar10n | worst | 0.5 | 0.6 | 0.1 | 1 |
| demo_tiles | reader_a | 0.5 | 0.5 | 0.1 | 1 |
| mean |  | **0.9** | **0.9** | **0.9** | **0.9** |

### F1 of each method's own cut-off

| task | noise | overread | cleanlab | loss | oracle |
| --- | --- | --- | --- | --- | --- |
| chest_xray | idn10 | 0.1 | 0.2 | 0.3 | 0.4 |
| cifar10n | worst | 0.1 | 0.2 | 0.3 | 0.4 |
| lung_histology | idn10 | 0.6 | 0.2 | 0.3 | 0.4 |
| demo_tiles | reader_a | 0.1 | 0.2 | 0.3 | 0.4 |
"""


def test_the_readme_has_the_means_of_each_dataset_and_the_best_that_was_not_told_the_truth_in_bold():
    made = with_detection(README, PAGE)
    assert "| **Overread** | **0.850** | 0.500 | 0.500 | **0.500** |" in made
    assert "| cleanlab 2.9 | 0.600 | **0.600** | **0.600** | **0.500** |" in made
    assert "| a classifier trained on the true labels | 0.990 | 1.000 |" in made
    assert "Overread 0.100, 0.600, 0.100 and 0.100; cleanlab 0.200, 0.200, 0.200 and 0.200." in made
    assert made.startswith("# Title\n") and made.endswith("\n\nThe rest.\n") and "old" not in made
    assert with_detection(made, PAGE) == made


def test_a_page_or_a_readme_without_its_parts_is_refused():
    with pytest.raises(ValueError, match="the page has no part"):
        with_detection(README, "# Nothing")
    with pytest.raises(ValueError, match="README has no"):
        with_detection("# Title", PAGE)
