import numpy as np

from overread.audit.design import AuditQuestion
from overread.detection.error_range import ErrorRange
from overread.pipeline.audit_study import audit_now, open_audit
from overread.pipeline.promises import BELIEF, NO_RANGE, promise_lines, run_promises
from overread.pipeline.study_ledger import open_ledger
from overread.studies.run import ERROR_RANGE, open_run
from tests.app.made_study import write_study
from tests.app.verdicts import verdicts


def test_a_run_without_a_range_promises_its_one_number_and_says_so(tmp_path):
    study = write_study(tmp_path)
    run = open_run(study)
    scores = run.scores()
    probability = scores["label_error_probability"]
    proposed = probability[scores["is_proposed"]]
    assert run.error_range() is None
    assert run_promises(study, run) == [
        f"expected wrong labels: about {probability.sum():.0f} of 48",
        f"expected to be wrong among the 8 proposed: about {100 * proposed.mean():.0f} %",
        NO_RANGE,
    ]


def test_a_range_is_rounded_outwards_and_weak_features_are_told(tmp_path):
    study = write_study(tmp_path)
    run = open_run(study)
    low, high = np.zeros(48), np.zeros(48)
    low[::6], high[::6] = 0.5, 1.0
    np.savez(run.path / ERROR_RANGE, low=low, high=high, overlap=0.25)
    # Of 8 proposals at a half: 4, less two standard deviations of chance (the root of 2).
    assert run_promises(study, run)[:3] == [
        "expected wrong labels: 1 to 8 of 48",
        "expected to be wrong among the 8 proposed: 14 % to 100 %",
        BELIEF,
    ]
    assert "25% of the images may fit another class better" in run_promises(study, run)[3]


def test_what_an_audit_proves_takes_the_place_of_the_belief(tmp_path):
    study = write_study(tmp_path)
    run = open_run(study)
    open_audit(study, AuditQuestion(max_wrong=0.3))
    believed = run_promises(study, run)
    assert believed[-1] == NO_RANGE  # nothing is read yet
    ledger = open_ledger(study)
    for verdict in verdicts(study, reader="Dr. Sand", number=8):
        ledger.record(verdict)
    now = audit_now(study)
    lines = promise_lines(run.name, run.scores(), None, now)
    assert [line.split(",")[0] for line in lines] == ["by readers' verdicts"] * 2
    assert f"at most {now.statement.most_wrong} of 48 labels" in lines[0]
    other = promise_lines("another run", run.scores(), ErrorRange(np.zeros(48), np.ones(48)), now)
    assert other[0] == lines[0]
    assert other[1].startswith("expected to be wrong among the 8 proposed")
