"""The weights of a folder: one file, or the shards that an index lists."""

from pathlib import Path

from torch import Tensor

from overread.errors import ConfigError
from overread.models.user_encoders.preprocessor import read_json
from overread.models.weights_file import read_weights

WEIGHTS = (
    *("model.safetensors", "open_clip_model.safetensors"),
    *("pytorch_model.bin", "open_clip_pytorch_model.bin"),
)
"""As Hugging Face's libraries name them; the first that is there is taken, as they do."""
INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files of weights in a folder, in the order of their names. Raises ConfigError if there are none, or some of
    those that an index lists are missing."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return (folder / name,)
    for name in INDICES:
        if (folder / name).is_file():
            listed = read_json(folder / name).get("weight_map")
            names = sorted(set(listed.values())) if isinstance(listed, dict) else []
            # An index could name any file of this machine.
            if not names or not all(isinstance(each, str) and Path(each).name == each for each in names):
                raise ConfigError(f"--encoder {folder / name}: lists no files of this folder")
            missing = [each for each in names if not (folder / each).is_file()]
            if missing:
                raise ConfigError(f"--encoder {folder}: {missing[0]} is missing; download all {len(names)} parts")
            return tuple(folder / each for each in names)
    raise ConfigError(f"--encoder {folder}: holds no weights; looked for {', '.join((*WEIGHTS, *INDICES))}")


def read_folder_weights(folder: Path) -> tuple[dict[str, Tensor], tuple[Path, ...]]:
    """The tensors of a folder by name, and the files that they come from. Raises ConfigError."""
    files = weight_files(folder)
    state: dict[str, Tensor] = {}
    for path in files:
        state |= read_weights(path)[0]
    return state, files
