"""What a click or a lasso on a chart of Insights chooses, and where it leads."""

import numpy as np
from streamlit.testing.v1 import AppTest

from overread_app.components import charts
from overread_app.components.chart_choice import bin_rows, histogram_bin, map_rows, matrix_cell
from overread_app.components.label_matrix import label_matrix

CLASSES = ("a", "b", "c")


def clicked(curve, *places):
    return {"points": [{"curve_number": curve, "point_index": place} for place in places]}


def test_the_invisible_points_of_the_matrix_lie_on_its_cells():
    points = label_matrix(np.arange(9).reshape(3, 3), CLASSES).data[-1]
    for place, (column, row) in enumerate(zip(points.x, points.y, strict=True)):
        cell = matrix_cell(clicked(1, place), 3)
        assert (CLASSES[cell[0]], CLASSES[cell[1]]) == (row, column)
        assert points.customdata[place][0] == place
    assert matrix_cell({"points": []}, 3) is None


def test_a_bar_holds_the_rows_that_the_histogram_counts_in_it():
    probability = np.concatenate([np.random.default_rng(0).uniform(0, 1, 300), charts.SCORE_EDGES])
    counts, _ = np.histogram(probability, bins=charts.SCORE_EDGES)
    found = [bin_rows(probability, charts.SCORE_EDGES, number) for number in range(len(counts))]
    assert [len(rows) for rows in found] == counts.tolist()
    assert sorted(np.concatenate(found).tolist()) == list(range(len(probability)))
    assert histogram_bin(clicked(0, 3, 7)) == 7


def test_points_of_the_map_are_rows_once_whichever_curve_has_them():
    labels = np.array(["b", "a", "b", "c"], dtype=object)
    figure = charts.embedding_map(np.arange(8.0).reshape(4, 2), labels.tolist(), labels == "c", CLASSES)
    for curve, trace in enumerate(figure.data[:3]):
        for place, x in enumerate(trace.x):
            (row,) = map_rows(clicked(curve, place), labels, CLASSES)
            assert x == 2.0 * row
    assert map_rows(clicked(3, 0), labels, CLASSES).tolist() == []  # the ring
    both = {"points": [*clicked(1, 1, 0)["points"], *clicked(1, 0)["points"]]}
    assert map_rows(both, labels, CLASSES).tolist() == [0, 2]


def test_a_choice_that_another_page_asks_for_is_taken_once_and_by_its_own_run():
    def script():
        from overread.review.queue_choice import QueueChoice
        from overread_app.reading_list import ReadingList

        ReadingList("", "study", "run").ask(QueueChoice(given="a"))
        ReadingList("Ada", "study", "another").take_asked(since=1)
        assert ReadingList("Ada", "study", "another").choice == QueueChoice()
        reading = ReadingList("Ada", "study", "run")
        reading.take_asked(since=4)
        assert (reading.choice, reading.since) == (QueueChoice(given="a"), 4)
        reading.choose(since=5, given=None)
        reading.take_asked(since=6)
        assert (reading.choice, reading.since) == (QueueChoice(), 5)

    app = AppTest.from_function(script).run()
    assert not app.exception
