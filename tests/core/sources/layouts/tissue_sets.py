"""Datasets of histology, cytology and the breast."""

import json
from pathlib import Path

from tests.core.sources.layouts.made_dataset import PublicDataset, Truth, write_lines, write_picture, write_table

CHAOYANG_CLASSES = ("normal", "serrated", "adenocarcinoma", "adenoma")
MIAS_LINES = (  # as in Info.txt, of which some films have two lines and some lines end early
    ("mdb001 G CIRC B 535 425 197", "benign"),
    ("mdb002 G CIRC B 522 280 69", "benign"),
    ("mdb003 D NORM", "normal"),
    ("mdb004 D NORM", "normal"),
    ("mdb005 F CIRC B 477 133 30", "benign"),
    ("mdb005 F CIRC B 500 168 26", "benign"),
    ("mdb006 F NORM", "normal"),
    ("mdb059 F CIRC B", "benign"),
    ("mdb060 F NORM", "normal"),
    ("mdb063 D MISC B 546 463 33", "benign"),
    ("mdb072 G ASYM M 266 517 28", "malignant"),
    ("mdb216 D CALC M *NOTE 3*", "malignant"),
)


def _breakhis(root: Path) -> list[Truth]:
    truths = []
    kinds = (("benign", "adenosis", "B_A"), ("malignant", "ductal_carcinoma", "M_DC"))
    for number in range(24):
        label, subtype, mark = kinds[number % 2]
        slide, zoom = f"14-{22549 + number // 8}{'AB' if number % 2 else 'G'}", (40, 100, 200, 400)[number // 2 % 4]
        image = (
            f"histology_slides/breast/{label}/SOB/{subtype}/SOB_{mark}_{slide}/{zoom}X/"
            f"SOB_{mark}-{slide}-{zoom}-{number + 1:03d}.png"
        )
        write_picture(root / image)
        truths.append(Truth(image, label, slide))
    write_lines(root / "README.txt", ["BreaKHis v1"])
    return truths


def _bach(root: Path) -> list[Truth]:
    truths, rows = [], []
    for number in range(12):
        kind = ("Benign", "InSitu", "Invasive", "Normal")[number % 4]
        name = f"{('b', 'is', 'iv', 'n')[number % 4]}{number // 4 + 1:03d}.tif"
        write_picture(root / kind / name)
        rows.append((name, kind))
        truths.append(Truth(f"{kind}/{name}", kind))
    write_table(root / "microscopy_ground_truth.csv", "", rows)
    return truths


def _pcam_kaggle(root: Path) -> list[Truth]:
    truths, rows = [], []
    for number in range(8):
        name = f"{number:040x}"
        write_picture(root / f"train/{name}.tif")
        rows.append((name, number % 2))
        truths.append(Truth(f"train/{name}.tif", str(number % 2)))
    write_table(root / "train_labels.csv", "id,label", rows)
    tests = [f"{number + 99:040x}" for number in range(4)]
    for name in tests:
        write_picture(root / f"test/{name}.tif")
    write_table(root / "sample_submission.csv", "id,label", [(name, 0) for name in tests])
    return truths


def _lc25000(root: Path) -> list[Truth]:
    truths = []
    for organ, kinds in (("colon", ("aca", "n")), ("lung", ("aca", "n", "scc"))):
        for kind in kinds:
            for number in range(1, 5):
                image = f"{organ}_image_sets/{organ}_{kind}/{organ}{kind}{number}.jpeg"
                write_picture(root / image)
                truths.append(Truth(image, f"{organ}_{kind}"))
    return truths


def _nct_crc(root: Path) -> list[Truth]:
    truths = []
    for kind in ("ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM"):
        for code in ("AAAFLCLY", "AAEGSNMW"):
            image = f"{kind}/{kind}-{code}.tif"
            write_picture(root / image)
            truths.append(Truth(image, kind))
    return truths


def _cnmc(root: Path) -> list[Truth]:
    truths = []
    for number in range(24):
        label, subject = (("all", f"UID_{number // 6 + 1}"), ("hem", f"UID_H{number // 6 + 1}"))[number % 2]
        image = f"fold_{number // 8}/{label}/{subject}_{number // 2 % 3 + 1}_{number % 4 + 1}_{label}.bmp"
        write_picture(root / image)
        truths.append(Truth(image, label, subject, split=f"fold_{number // 8}"))
    return truths


def _cnmc_validation(root: Path) -> list[Truth]:
    truths, rows = [], []
    for number in range(1, 13):
        label, subject = (("hem", f"UID_H{number // 6 + 30}"), ("all", f"UID_{number // 6 + 57}"))[number % 2]
        image = f"C-NMC_test_prelim_phase_data/{number}.bmp"
        write_picture(root / image)
        rows.append((f"{subject}_{number}_1_{label}.bmp", f"{number}.bmp", int(label == "all")))
        truths.append(Truth(image, label, subject))
    write_table(root / "C-NMC_test_prelim_phase_data_labels.csv", "Patient_ID,new_names,labels", rows)
    return truths


def _busi(root: Path) -> list[Truth]:
    truths = []
    for kind in ("benign", "malignant", "normal"):
        for number in range(1, 6):
            image = f"{kind}/{kind} ({number}).png"
            write_picture(root / image)
            write_picture(root / f"{kind}/{kind} ({number})_mask.png")
            truths.append(Truth(image, kind))
    write_picture(root / "benign/benign (4)_mask_1.png")
    return truths


def _mias(root: Path) -> list[Truth]:
    truths = {}
    for line, label in MIAS_LINES:
        name = line.split()[0]
        pair = (int(name.removeprefix("mdb")) + 1) // 2  # the left and the right film of a woman
        write_picture(root / f"{name}.pgm")
        truths[name] = Truth(f"{name}.pgm", label, f"{pair}")
    write_lines(root / "Info.txt", ["REFNUM BG CLASS SEVERITY X Y RADIUS", *(f"{line} " for line, _ in MIAS_LINES)])
    write_lines(root / "README", ["MINI-MIAS DATABASE OF MAMMOGRAMS", "", "4th column: B - Benign, M - Malignant"])
    return list(truths.values())


def _chaoyang(root: Path) -> list[Truth]:
    truths, train, test = [], [], []
    for number in range(8):
        slide, code = f"35304{number // 2}_4", number % 4
        train.append({"name": f"train/{slide}-IMG005x014-{code}.JPG", "label": code})
        test.append({"name": f"test/{slide}-IMG001x001-{code}.JPG", "label": code})
        for split, entry in (("train", train[-1]), ("test", test[-1])):
            write_picture(root / str(entry["name"]))
            truths.append(Truth(str(entry["name"]), CHAOYANG_CLASSES[code], slide=slide, split=split))
    (root / "train.json").write_text(json.dumps(train))
    (root / "test.json").write_text(json.dumps(test))
    return truths


TISSUE = (
    PublicDataset("BreaKHis", _breakhis),
    PublicDataset("BACH", _bach),
    PublicDataset("PatchCamelyon of Kaggle", _pcam_kaggle, {"labels": "train_labels.csv"}, question="--labels"),
    PublicDataset("LC25000", _lc25000, {"label_folder": 2}, question="--label-folder"),
    PublicDataset("NCT-CRC-HE", _nct_crc),
    PublicDataset("C-NMC", _cnmc),
    PublicDataset("C-NMC validation", _cnmc_validation),
    PublicDataset("BUSI", _busi),
    PublicDataset("mini-MIAS", _mias),
    PublicDataset("Chaoyang", _chaoyang),
)
