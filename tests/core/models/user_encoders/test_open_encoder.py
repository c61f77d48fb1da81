"""Which kind of encoder a folder or file is taken for, and what is said of those that are none."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from overread.errors import ConfigError
from overread.models.user_encoders.open_encoder import open_encoder
from tests.core.models.user_encoders.made_folders import IMAGENET, features_of, pixels_of, write_folder
from tests.core.models.user_encoders.plain_vit import Shape, huggingface_state, timm_state

CONFIG = {
    "model_type": "vit",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
    "intermediate_size": 64,
}
PREPROCESSOR = {"size": 32, **IMAGENET}
STATE = huggingface_state(timm_state(Shape()), "vit")


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "vit", STATE, config=CONFIG, preprocessor_config=PREPROCESSOR)


def test_config_json_records_what_an_encoder_is_and_how_images_reach_it(folder):
    opened = open_encoder(folder)
    whole = (folder / "model.safetensors").read_bytes() + (folder / "config.json").read_bytes()
    assert opened.identity() == {
        "kind": "encoder",
        "encoder": "ViTModel",
        "feature": "class token",
        "input": {
            "channels": 3,
            "size_px": 32,
            "resize_px": 32,
            "interpolation": "bilinear",
            "mean": IMAGENET["image_mean"],
            "std": IMAGENET["image_std"],
        },
        "sha256": hashlib.sha256(whole).hexdigest(),
        "num_features": 32,
    }
    assert json.loads(json.dumps(opened.identity())) == opened.identity()
    assert str(opened) == (
        "ViTModel: 32 numbers per image (class token); 32 px, bilinear, mean 0.485 0.456 0.406, deviation 0.229 0.224 "
        "0.225"
    )


def test_a_file_of_a_folder_stands_for_the_folder(folder):
    for name in ("config.json", "model.safetensors"):
        assert open_encoder(folder / name).identity() == open_encoder(folder).identity()


def test_weights_in_parts_give_the_features_of_weights_in_one_file(folder, tmp_path):
    names = sorted(STATE)
    halves = {f"model-0000{part}-of-00002.safetensors": names[part - 1 :: 2] for part in (1, 2)}
    index = {"metadata": {}, "weight_map": {name: file for file, half in halves.items() for name in half}}
    parts = tmp_path / "parts"
    parts.mkdir()
    for file, half in halves.items():
        save_file({name: STATE[name] for name in half}, parts / file, metadata={"format": "pt"})
    for name, content in (("config", CONFIG), ("preprocessor_config", PREPROCESSOR)):
        (parts / f"{name}.json").write_text(json.dumps(content))
    (parts / "model.safetensors.index.json").write_text(json.dumps(index))
    pixels = pixels_of(32)
    assert (features_of(open_encoder(parts), pixels) == features_of(open_encoder(folder), pixels)).all()
    (parts / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"model-00002-of-00002.safetensors is missing; download all 2 parts"):
        open_encoder(parts)
    index["weight_map"]["cls_token"] = "../vit/model.safetensors"
    (parts / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ConfigError, match="lists no files of this folder"):
        open_encoder(parts)


def test_a_missing_tensor_is_named(folder):
    state = {name: tensor for name, tensor in STATE.items() if name != "layernorm.bias"}
    write_folder(folder, state)
    with pytest.raises(ConfigError, match=r"1 of the 38 tensors of ViTModel are not .* shape, layernorm.bias"):
        open_encoder(folder)


def test_an_encoder_with_code_of_its_own_is_not_run(folder):
    (folder / "config.json").write_text(json.dumps(CONFIG | {"auto_map": {"AutoModel": "code.Model"}}))
    (folder / "code.py").write_text("open('ran', 'w')\nraise SystemExit")
    with pytest.raises(ConfigError, match=r"needs Python code of its own .*, which is not run; export"):
        open_encoder(folder)


def test_timm_s_folder_loads_no_other_weights_and_fetches_nothing(tmp_path):
    config = {"architecture": "hf-hub:nobody/nothing", "model_args": {}}
    with pytest.raises(ConfigError, match="has no architecture 'hf-hub:nobody/nothing'"):
        open_encoder(write_folder(tmp_path, timm_state(Shape()), config=config))
    other = tmp_path / "other.pth"
    torch.save({"norm.weight": torch.zeros(32)}, other)
    small = {"embed_dim": 32, "depth": 2, "num_heads": 2, "patch_size": 8, "mlp_ratio": 2, "img_size": 32}
    config = {
        "architecture": "vit_tiny_patch16_224",
        "model_args": small | {"checkpoint_path": str(other), "pretrained": True},
        "pretrained_cfg": {"input_size": [3, 32, 32], "hf_hub_id": "nobody/nothing", "crop_pct": 0.5},
    }
    opened = open_encoder(write_folder(tmp_path, timm_state(Shape()), config=config))
    assert torch.equal(opened.backbone.module.state_dict()["norm.weight"], timm_state(Shape())["norm.weight"])
    assert (opened.preprocessor.size_px, opened.preprocessor.resize_px) == (32, 64)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing", None, "no such file or folder"),
        ("notes.txt", b"text", "found a file of kind '.txt'; accepted are a folder with config.json"),
        ("weights.pth", {"a.weight": torch.zeros(3, 2)}, r"found 1 tensors, from a.weight \(3, 2\) on, and nothing"),
        ("text.pth", b"text", "cannot be read as weights alone"),
        ("folder/readme.md", b"text", r"files found in it: 1 of \.md; accepted are"),
        ("folder/config.json", b"{", r"cannot be read as JSON \(JSONDecodeError\)"),
        ("folder/config.json", b"[]", "holds no JSON object"),
        ("folder/config.json", b'{"model_type": "vit"}', "holds no weights; looked for model.safetensors, "),
        ("folder/config.json", b'{"model_type": "bert"}', "model_type 'bert' is not one of beit, bit, clip, "),
        ("folder/config.json", b'{"architecture": "nonesuch"}', "holds no weights"),
        ("folder/open_clip_config.json", b'{"model_cfg": {"vision_cfg": {}}}', "is not one of timm's; export"),
    ],
)
def test_what_is_no_encoder_is_told_in_one_line(name, content, message, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        torch.save(content, path)
    with pytest.raises(ConfigError, match=message) as raised:
        open_encoder(path.parent if path.parent != tmp_path else path)
    assert "\n" not in str(raised.value)


class _Code:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def test_the_weights_of_a_folder_run_no_code(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save(STATE | {"extra": _Code()}, folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="cannot be read as weights alone"):
        open_encoder(folder)
    assert not Path("ran").exists()


def test_weights_of_another_width_are_refused(folder):
    write_folder(folder, huggingface_state(timm_state(Shape(width=48)), "vit"))
    with pytest.raises(ConfigError, match=r"transformers cannot load it|not in its weights in that shape"):
        open_encoder(folder)


def test_a_whole_network_that_was_pickled_is_read_and_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 64, 7), torch.nn.BatchNorm2d(64))
    network.extra = _Code()
    torch.save(network, "network.pt")
    with pytest.raises(ConfigError, match=r"found 7 tensors, from 0.weight \(64, 1, 7, 7\) on"):
        open_encoder(Path("network.pt"))
    torch.save(_Code(), "code.pt")
    with pytest.raises(ConfigError, match="cannot be read as weights alone"):
        open_encoder(Path("code.pt"))
    assert not Path("ran").exists()


def test_libraries_that_are_not_installed_are_named(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"transformers, which is not installed; pip install overread\[encoders\]"):
        open_encoder(folder)
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ConfigError, match=r"onnxruntime, which is not installed; pip install overread\[encoders\]"):
        open_encoder(tmp_path / "model.onnx")
