"""The weights of a folder: one file, or the shards that an index lists."""

from pathlib import Path

from torch import Tensor

from overread.errors import ConfigError
from overread.models.user_encoders.preprocessor import read_json
from overread.models.weights_file import read_weights

WEIGHTS = (
    *("model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json", "open_clip_pytorch_model.bin"),
)
"""As Hugging Face's libraries name them; the first that is there is taken, as they do. An index lists parts."""


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files of weights in a folder, in the order of their names. Raises ConfigError if there are none, or some of
    those that an index lists are missing."""
    found = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise ConfigError(f"--encoder {folder}: holds no weights; looked for {', '.join(WEIGHTS)}")
    return _parts(found) if found.suffix == ".json" else (found,)


def _parts(index: Path) -> tuple[Path, ...]:
    listed = read_json(index).get("weight_map")
    names = set(listed.values()) if isinstance(listed, dict) else set()
    # An index could name any file of this machine.
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise ConfigError(f"--encoder {index}: lists no files of this folder")
    paths = sorted(index.parent / name for name in names)
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise ConfigError(f"--encoder {index.parent}: {missing[0]} is missing; download all {len(paths)} parts")
    return tuple(paths)


def read_folder_weights(folder: Path) -> tuple[dict[str, Tensor], tuple[Path, ...]]:
    """The tensors of a folder by name, and the files that they come from. Raises ConfigError."""
    files = weight_files(folder)
    state: dict[str, Tensor] = {}
    for path in files:
        state |= read_weights(path)[0]
    return state, files
