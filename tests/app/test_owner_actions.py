"""What only an owner may do is refused in core to every other account, whatever a page shows."""

import pytest

from overread.audit.design import AuditQuestion
from overread.errors import NotAllowedError
from overread.files import file_sha256
from overread.pipeline.audit_report import write_report
from overread.pipeline.audit_steering import choose_next, end_audit, extend_sample
from overread.pipeline.audit_store import NextSample
from overread.pipeline.audit_study import open_audit
from overread.pipeline.configuring import choose_run, configure
from overread.pipeline.exporting import export_study
from overread.pipeline.group_decision import apply_group, draw_group, draw_more, group_name, load_groups, undo_group
from overread.pipeline.study_ledger import open_ledger
from overread.review.adjudication import open_round
from overread.review.assignment import Assignment, assign
from overread.review.disputes import Round
from overread.review.roles import Actor, Identity, Role
from overread.studies.run import open_run
from overread_app import processes
from tests.app.made_study import RUN, write_study
from tests.core.pipeline.test_audit_study import read


class Desk:
    """A study with an open audit and a group whose sample was read; and what an account may ask of it."""

    def __init__(self, folder):
        self.folder = folder
        self.study = write_study(folder)
        samples = self.study.samples()
        ids = samples.loc[samples["given_label"] != "adenoma", "sample_id"].tolist()[:30]
        self.group = {"is_swapped": False, "predicted_label": "adenoma", "given_label": "normal", "sample_ids": ids}
        open_audit(self.study, AuditQuestion(0.1))
        drawn = draw_group(self.study, RUN, self.group)
        read(self.study, drawn.drawn, reader="Ben", wrong=set(drawn.drawn))

    def state(self):
        """The ledger's newest row and the study's other files."""
        head = open_ledger(self.study).head()
        files = [path for path in self.study.path.rglob("*") if path.is_file() and "db" not in path.name]
        return head, {path: file_sha256(path) for path in files}

    def decision(self):
        return load_groups(self.study)[group_name(self.group["sample_ids"])]


# In an order in which an owner can do one after the other.
ACTIONS = {
    "open an audit": lambda desk, actor: open_audit(desk.study, AuditQuestion(0.2), actor=actor),
    "choose what is read next": lambda desk, actor: choose_next(desk.study, NextSample.FIND, actor=actor),
    "show more of the sample": lambda desk, actor: extend_sample(desk.study, actor=actor),
    "report on an audit": lambda desk, actor: write_report(desk.study, desk.folder / "report.html", actor=actor),
    "draw a group": lambda desk, actor: draw_group(
        desk.study, RUN, desk.group | {"sample_ids": desk.group["sample_ids"][:9]}, actor=actor
    ),
    "draw more of a group": lambda desk, actor: draw_more(desk.study, desk.decision(), actor=actor),
    "change a group": lambda desk, actor: apply_group(desk.study, desk.decision(), actor.name, actor=actor),
    "undo a group": lambda desk, actor: undo_group(desk.study, desk.decision(), actor=actor),
    "open a round": lambda desk, actor: open_round(open_ledger(desk.study, actor), Round.SECOND, actor.name),
    "assign": lambda desk, actor: assign(open_ledger(desk.study, actor), Assignment()),
    "set the protocol": lambda desk, actor: configure(desk.study, protocol="blind", actor=actor),
    "have errors graded": lambda desk, actor: configure(desk.study, asks_grades=True, actor=actor),
    "mark critical classes": lambda desk, actor: configure(desk.study, critical_classes=("normal",), actor=actor),
    "choose a run": lambda desk, actor: choose_run(open_run(desk.study), is_used=True, actor=actor),
    "export": lambda desk, actor: export_study(desk.study, desk.folder / "cleaned.csv", actor=actor),
    "import": lambda desk, actor: processes.start_import([], log=desk.folder / "log", actor=actor),
    "train": lambda desk, actor: processes.start_training(desk.study.path, [], log=desk.folder / "log", actor=actor),
    "stop a training": lambda desk, actor: processes.stop_training(0, actor=actor),
    "end an audit": lambda desk, actor: end_audit(desk.study, actor=actor),
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return Desk(tmp_path_factory.mktemp("refused"))


@pytest.fixture
def started(monkeypatch):
    """The commands that were started."""
    found = []
    monkeypatch.setattr(processes, "_start", lambda arguments, **_: found.append(arguments[0]))
    return found


def account(desk, role):
    return Actor("Ada", role, Identity.PASSWORD, frozenset({desk.study.ledger_study}))


@pytest.mark.parametrize("role", [Role.READER, Role.ADJUDICATOR])
@pytest.mark.parametrize("name", ACTIONS)
def test_an_account_that_is_no_owners_is_refused_and_nothing_changes(pristine, started, name, role):
    before = pristine.state()
    with pytest.raises(NotAllowedError):
        ACTIONS[name](pristine, account(pristine, role))
    assert pristine.state() == before and started == []


def test_an_owner_is_not_refused(tmp_path, started):
    desk = Desk(tmp_path)
    for action in ACTIONS.values():
        action(desk, account(desk, Role.OWNER))
    assert started == ["import", "train"]


def test_one_decision_on_a_group_is_signed_with_the_account_and_undone_by_nobody_else(tmp_path):
    desk = Desk(tmp_path)
    apply_group(desk.study, desk.decision(), "Ada", actor=account(desk, Role.OWNER))
    assert {one.identity for one in open_ledger(desk.study).decisions("Ada")} == {"password"}
    with pytest.raises(NotAllowedError, match="Ada"):
        undo_group(desk.study, desk.decision(), actor=Actor("Eve", Role.OWNER, Identity.PASSWORD))
    assert undo_group(desk.study, desk.decision(), actor=account(desk, Role.OWNER)) == 30
