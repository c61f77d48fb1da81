"""Datasets whose images are arrays."""

import pickle
from pathlib import Path

import h5py
import numpy as np

from tests.core.sources.layouts.made_dataset import PublicDataset, Truth, write_table

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _medmnist(root: Path) -> list[Truth]:
    truths, arrays = [], {}
    for split, count in (("train", 8), ("val", 2), ("test", 4)):
        arrays[f"{split}_images"] = np.zeros((count, 28, 28), np.uint8)
        arrays[f"{split}_labels"] = np.arange(count, dtype=np.uint8).reshape(-1, 1) % 2
        truths += [Truth(f"{split}/{place:06d}.png", str(place % 2), split=split) for place in range(count)]
    np.savez(root / "somemnist.npz", **arrays)
    return truths


def _cifar_n(root: Path) -> list[Truth]:
    truths, clean, human = [], [], []
    for number in range(1, 7):
        codes = [(number + place) % 10 for place in range(4)]
        name = f"data_batch_{number}" if number < 6 else "test_batch"
        batch = {"labels": codes, "data": np.zeros((4, 3072), np.uint8), "filenames": [f"{c}_s.png" for c in codes]}
        (root / name).write_bytes(pickle.dumps({"batch_label": name, **batch}, protocol=2))
        split, given = ("test", codes) if number == 6 else ("train", [*codes[:3], codes[3] + 1])
        if split == "train":
            clean, human = [*clean, *codes], [*human, *given]
        start = 0 if split == "test" else len(clean) - 4
        for place, code in enumerate(given):
            raters = (CIFAR_CLASSES[code],) * 3 if split == "train" else ()
            image = f"{split}/{start + place:06d}.png"
            truths.append(Truth(image, CIFAR_CLASSES[code], split=split, raters=raters))
    meta = {"num_cases_per_batch": 4, "label_names": list(CIFAR_CLASSES), "num_vis": 3072}
    (root / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    keys = ("aggre_label", "worse_label", "random_label1", "random_label2", "random_label3")
    labels = {"clean_label": np.array(clean), **dict.fromkeys(keys, np.array(human))}
    np.save(root / "CIFAR-10_human.npy", labels, allow_pickle=True)
    return truths


def _pcam(root: Path) -> list[Truth]:
    truths = []
    for name, split, count in (("train", "train", 8), ("valid", "val", 4), ("test", "test", 4)):
        stem = f"camelyonpatch_level_2_split_{name}"
        codes = np.arange(count) % 2
        with h5py.File(root / f"{stem}_x.h5", "w") as file:
            file["x"] = np.zeros((count, 96, 96, 3), np.uint8)
        with h5py.File(root / f"{stem}_y.h5", "w") as file:
            file["y"] = codes.astype(np.uint8).reshape(-1, 1, 1, 1)
        slides = [f"camelyon16_{name}_{('normal', 'tumor')[code]}_{place // 4:03d}" for place, code in enumerate(codes)]
        rows = [(place, 6000, 6000, code == 1, code == 1, slides[place]) for place, code in enumerate(codes)]
        write_table(root / f"{stem}_meta.csv", ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi", rows)
        truths += [
            Truth(f"{split}/{place:06d}.png", str(code), slide=slides[place], split=split)
            for place, code in enumerate(codes)
        ]
    return truths


ARRAYS = (
    PublicDataset("MedMNIST", _medmnist, source="somemnist.npz"),
    PublicDataset("CIFAR-N", _cifar_n, {"labels": "CIFAR-10_human.npy", "given_label": "aggre_label"}),
    PublicDataset("PatchCamelyon", _pcam),
)
