"""Opens an encoder from a folder or file of any kind that is known, and says of any other what is accepted."""

from collections import Counter
from pathlib import Path
from typing import Any

from overread.errors import ConfigError
from overread.known_encoders import KNOWN_ENCODERS, known_encoder
from overread.models.user_encoders.graphs import load_exported, load_onnx
from overread.models.user_encoders.huggingface import load_huggingface
from overread.models.user_encoders.loaded import LoadedEncoder
from overread.models.user_encoders.open_clip import CONFIG as OPEN_CLIP_CONFIG
from overread.models.user_encoders.open_clip import is_conch, load_conch, load_open_clip
from overread.models.user_encoders.preprocessor import read_json
from overread.models.user_encoders.timm_folder import load_timm_folder
from overread.models.user_encoders.torchxrayvision import is_torchxrayvision, load_torchxrayvision
from overread.models.user_encoders.weight_files import WEIGHTS
from overread.models.weights_file import read_weights

ACCEPTED = (
    "accepted are a folder with config.json as transformers or timm write it, or with open_clip_config.json; an ONNX "
    "file; a .pt2 file of torch.export; weights of torchxrayvision or CONCH; and, with --backbone NAME, weights of an "
    "encoder of timm or torchvision"
)
_GRAPHS = {".onnx": load_onnx, ".pt2": load_exported}
_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")


def open_encoder(path: Path) -> LoadedEncoder:
    """The encoder in a folder or file. Nothing is downloaded, and no code of a file is run.

    Raises ConfigError if there is none, with what was found and what is accepted; for the name of a known encoder,
    with what to download and on which terms.
    """
    if not path.exists():
        known = known_encoder(str(path))
        if known:
            raise ConfigError(f"--encoder {known.name}: {known.instructions}")
        names = ", ".join(each.name for each in KNOWN_ENCODERS)
        raise ConfigError(f"--encoder {path}: no such file or folder; how to get an encoder is known of {names}")
    return _of_folder(path) if path.is_dir() else _of_file(path)


def _of_folder(folder: Path) -> LoadedEncoder:
    if (folder / OPEN_CLIP_CONFIG).is_file():
        return load_open_clip(folder)
    config: dict[str, Any] = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    if "architecture" in config:
        return load_timm_folder(folder, config)
    if "model_type" in config:
        return load_huggingface(folder, config)
    if (folder / "saved_model.pb").is_file():
        raise ConfigError(
            f"--encoder {folder}: is a SavedModel of TensorFlow; convert it with `python -m tf2onnx.convert "
            "--saved-model FOLDER --output model.onnx`, and put a preprocessor_config.json beside model.onnx"
        )
    files = sorted(each for each in folder.iterdir() if each.is_file())
    usable = [each for each in files if each.suffix in (*_GRAPHS, *_WEIGHT_SUFFIXES)]
    if len(usable) == 1:
        return _of_file(usable[0])
    # Kinds, not names: the app's pages show this message, and a name may be a patient's.
    kinds = Counter(each.suffix or "no ending" for each in files)
    found = ", ".join(f"{count} of {kind}" for kind, count in kinds.most_common(5)) or "none"
    raise ConfigError(f"--encoder {folder}: files found in it: {found}; {ACCEPTED}")


def _of_file(path: Path) -> LoadedEncoder:
    if path.suffix in _GRAPHS:
        return _GRAPHS[path.suffix](path)
    is_part = path.name in ("config.json", OPEN_CLIP_CONFIG, *WEIGHTS)
    if is_part and any((path.parent / name).is_file() for name in ("config.json", OPEN_CLIP_CONFIG)):
        return _of_folder(path.parent)
    if path.suffix not in _WEIGHT_SUFFIXES:
        raise ConfigError(f"--encoder {path}: found a file of kind {path.suffix or 'none'!r}; {ACCEPTED}")
    state, _ = read_weights(path)
    if is_torchxrayvision(state):
        return load_torchxrayvision(path, state)
    if is_conch(state):
        return load_conch(path, state)
    name, tensor = next(iter(state.items()))
    raise ConfigError(
        f"--encoder {path}: found {len(state)} tensors, from {name} {tuple(tensor.shape)} on, and nothing that says "
        f"which network they are of; {ACCEPTED}"
    )
