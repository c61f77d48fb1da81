import pickletools
import zipfile

import pytest
import torch

from overread.training import checkpoint as module
from overread.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


def made_checkpoint(epoch):
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.01)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    arrays = {"embeddings": torch.arange(6.0).view(2, 3), "is_consensus": torch.tensor([[True, False]])}
    pretrained = {"weight": torch.full((2, 3), 0.5)}
    return Checkpoint(2, epoch, layer.state_dict(), optimizer.state_dict(), arrays, pretrained)


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    saved = made_checkpoint(3)
    save_checkpoint(tmp_path / "checkpoint" / "state.pt", saved)
    loaded = load_checkpoint(tmp_path / "checkpoint" / "state.pt")
    assert (loaded.phase, loaded.epoch) == (2, 3)
    for name in ("network", "arrays", "pretrained"):
        left, right = getattr(saved, name), getattr(loaded, name)
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key], right[key]) for key in left)
    assert loaded.optimizer["param_groups"] == saved.optimizer["param_groups"]
    for key, state in saved.optimizer["state"].items():
        assert all(torch.equal(value, loaded.optimizer["state"][key][name]) for name, value in state.items())


def test_a_checkpoint_names_no_code_but_that_of_tensors(tmp_path):
    save_checkpoint(tmp_path / "state.pt", made_checkpoint(3))
    with zipfile.ZipFile(tmp_path / "state.pt") as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        named = [value for code, value, _ in pickletools.genops(archive.read(name)) if code.name == "GLOBAL"]
    assert named
    assert {value.split()[0].split(".")[0] for value in named} <= {"torch", "collections"}


def test_there_may_be_none(tmp_path):
    assert load_checkpoint(tmp_path / "state.pt") is None


def test_a_save_that_fails_halfway_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint" / "state.pt"
    save_checkpoint(path, made_checkpoint(1))

    def break_off(values, file):
        file.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(module.torch, "save", break_off)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(path, made_checkpoint(2))
    monkeypatch.undo()
    assert load_checkpoint(path).epoch == 1
    save_checkpoint(path, made_checkpoint(3))
    assert load_checkpoint(path).epoch == 3
    assert [p.name for p in path.parent.iterdir()] == ["state.pt"]
