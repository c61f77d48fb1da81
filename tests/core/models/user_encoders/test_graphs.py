"""Encoders as ONNX graphs and as programs of torch.export: beside torch's own arithmetic, and what is refused."""

import json
import shutil
import zipfile

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from overread.errors import ConfigError
from overread.models.user_encoders.open_encoder import open_encoder
from tests.core.models.user_encoders.made_folders import features_of, normalised, pixels_of

INPUT = {"size": 16, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.5]}


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(INPUT))
    return tmp_path


def expected_of(network, pixels):
    with torch.inference_mode():
        return network(normalised(pixels, INPUT["image_mean"], INPUT["image_std"])).numpy()


def write_onnx(path, network, *, batch="N", channels_last=False, output="embedding", rank=2):
    """Convolution, ReLU and mean, from their definition; channels_last: as tf2onnx writes."""
    weight, bias = (value.detach().numpy() for value in network[0].parameters())
    shape = [batch, 16, 16, 3] if channels_last else [batch, 3, 16, 16]
    first = [helper.make_node("Transpose", ["pixels"], ["x"], perm=[0, 3, 1, 2])] if channels_last else []
    start = "x" if channels_last else "pixels"
    last = [helper.make_node("Flatten", ["mean"], [output])] if rank == 2 else []
    nodes = [
        *first,
        helper.make_node("Conv", [start, "weight", "bias"], ["maps"]),
        helper.make_node("Relu", ["maps"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["mean" if last else output]),
        *last,
    ]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, 5] if rank == 2 else [batch, 5, 1, 1])]
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)]
    values = [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")]
    graph = helper.make_graph(nodes, "made", inputs, outputs, values)
    onnx.save(helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)]), path)


@pytest.mark.parametrize("options", [{}, {"batch": 1}, {"batch": 4}, {"channels_last": True}], ids=str)
def test_an_onnx_graph_gives_what_torch_gives(options, network, folder):
    write_onnx(folder / "model.onnx", network, **options)
    opened, pixels = open_encoder(folder / "model.onnx"), pixels_of(16, count=6)
    np.testing.assert_allclose(features_of(opened, pixels), expected_of(network, pixels), rtol=1e-4, atol=1e-5)
    assert (opened.name, opened.feature, opened.backbone.num_features) == ("ONNX graph", "output embedding", 5)


@pytest.mark.parametrize("batch", [3, "any"])
def test_an_exported_program_gives_what_torch_gives(batch, network, folder):
    sizes = ({0: torch.export.Dim.DYNAMIC},) if batch == "any" else None
    example = torch.zeros(3 if batch == 3 else 2, 3, 16, 16)
    torch.export.save(torch.export.export(network, (example,), dynamic_shapes=sizes), folder / "model.pt2")
    opened, pixels = open_encoder(folder), pixels_of(16, count=7)
    np.testing.assert_allclose(features_of(opened, pixels), expected_of(network, pixels), rtol=1e-4, atol=1e-5)


def test_graphs_that_do_not_fit_say_so(network, folder):
    write_onnx(folder / "maps.onnx", network, rank=4)
    with pytest.raises(ConfigError, match=r"gives embedding \['N', 5, 1, 1\]; must give one vector per image"):
        open_encoder(folder / "maps.onnx")
    (folder / "text.onnx").write_text("no graph")
    with pytest.raises(ConfigError, match="is not an ONNX file that onnxruntime can read"):
        open_encoder(folder / "text.onnx")
    write_onnx(folder / "model.onnx", network)
    (folder / "preprocessor_config.json").write_text(json.dumps(INPUT | {"size": 32}))
    with pytest.raises(ConfigError, match=r"takes images of 16 x 16 px, and preprocessor_config.json says 32 px"):
        open_encoder(folder / "model.onnx")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigError, match=r"has no preprocessor_config\.json"):
        open_encoder(folder / "model.onnx")


@pytest.fixture
def program(network, folder):
    torch.export.save(torch.export.export(network, (torch.zeros(2, 3, 16, 16),)), folder / "model.pt2")
    return folder / "model.pt2"


def rewrite(path, change):
    """A program with some files changed. change: given name and content, the new content."""
    copy = shutil.copy(path, path.with_name("whole.zip"))
    with zipfile.ZipFile(copy) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"use_pickle": false', b'"use_pickle": true', "use_pickle 'True' in it could run code, and is not read"),
        (b"torch.ops.aten.relu.default", b"torch.hub.load", "target 'torch.hub.load' in it could run code"),
        (b"weight_0", b"../../model", r"path_name '../../model' in it could run code"),
        (b'"guards_code": []', b'"guards_code": ["print(1)"]', r"guards_code 'print\(1\)' in it could run code"),
        (b'"relu"', b'"print(1)"', r"'print\(1\)' in it could run code"),
        (b'\\"context\\": \\"[]\\"', b'\\"context\\": \\"[\'a=print(1)\']\\"', r"in_spec .* in it could run code"),
    ],
)
def test_a_program_that_could_run_code_is_not_read(old, new, message, program):
    rewrite(program, lambda _, content: content.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        open_encoder(program)


def test_a_size_that_is_code_is_not_evaluated(network, folder):
    sizes = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(network, (torch.zeros(2, 3, 16, 16),), dynamic_shapes=sizes)
    torch.export.save(program, folder / "model.pt2")
    rewrite(folder / "model.pt2", lambda _, content: content.replace(b"positive=True", b"positive=print(1)"))
    with pytest.raises(ConfigError, match=r"expr_str .* in it could run code"):
        open_encoder(folder / "model.pt2")


class _Code:
    def __reduce__(self):
        import pathlib

        return pathlib.Path.touch, (pathlib.Path("ran"),)


def test_a_program_s_example_inputs_run_no_code(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(_Code(), tmp_path / "code.pt")
    code = (tmp_path / "code.pt").read_bytes()
    rewrite(program, lambda name, content: code if "sample_inputs" in name else content)
    with pytest.raises(ConfigError, match="holds more than tensors, and is not read"):
        open_encoder(program)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_no_program_says_so(folder):
    (folder / "text.pt2").write_text("no program")
    torch.save({"weight": torch.zeros(2)}, folder / "weights.pt2")
    for name in ("text.pt2", "weights.pt2"):
        with pytest.raises(ConfigError, match=r"is no program of torch\.export\.save"):
            open_encoder(folder / name)
