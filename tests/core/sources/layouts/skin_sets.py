"""Datasets of the skin and the retina."""

from pathlib import Path

from tests.core.sources.layouts.made_dataset import PublicDataset, Truth, write_lines, write_picture, write_table

ISIC_2019_CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
RETINOPATHY = ("No DR", "Mild", "Moderate", "Severe", "Proliferative DR")


def _ham10000(root: Path) -> list[Truth]:
    truths, rows, pixels = [], [], []
    for number in range(14):
        name, lesion = f"ISIC_{24306 + number:07d}", f"HAM_{number // 2:07d}"
        code = ("bkl", "nv", "df", "mel", "vasc", "bcc", "akiec")[number // 2]
        image = f"HAM10000_images_part_{number // 8 + 1}/{name}.jpg"
        write_picture(root / image)
        rows.append((lesion, name, code, "histo", 80.0, "male", "scalp"))
        pixels.append((*range(64), number // 2))
        truths.append(Truth(image, code, lesion))
    write_table(root / "HAM10000_metadata.csv", "lesion_id,image_id,dx,dx_type,age,sex,localization", rows)
    # Kaggle's copy has the pixels as tables, too.
    header = ",".join(f"pixel{place:04d}" for place in range(64))
    write_table(root / "hmnist_8_8_L.csv", f"{header},label", pixels)
    return truths


def _isic_2019(root: Path) -> list[Truth]:
    truths, labels, metadata = [], [], []
    for number in range(16):
        name = f"ISIC_{number:07d}" + ("_downsampled" if number % 3 == 0 else "")
        lesion = f"MSK4_{number // 2:07d}" if number < 12 else ""
        image = f"ISIC_2019_Training_Input/{name}.jpg"
        write_picture(root / image)
        label = ISIC_2019_CLASSES[number // 2]
        labels.append((name, *(f"{float(label == kind)}" for kind in ISIC_2019_CLASSES)))
        metadata.append((name, 55.0, "anterior torso", lesion, "female"))
        truths.append(Truth(image, label, lesion))
    write_table(root / "ISIC_2019_Training_GroundTruth.csv", f"image,{','.join(ISIC_2019_CLASSES)}", labels)
    header = "image,age_approx,anatom_site_general,lesion_id,sex"
    write_table(root / "ISIC_2019_Training_Metadata.csv", header, metadata)
    write_lines(root / "ISIC_2019_Training_Input/LICENSE.txt", ["CC-BY-NC"])
    return truths


def _isic_2020(root: Path) -> list[Truth]:
    truths, rows = [], []
    for number in range(12):
        name, patient = f"ISIC_{2637011 + number:07d}", f"IP_{7279968 + number // 3}"
        write_picture(root / f"jpeg/train/{name}.jpg")
        label = ("benign", "malignant")[number % 4 == 0]
        diagnosis = "melanoma" if label == "malignant" else "unknown"
        rows.append((name, patient, "male", 45.0, "head/neck", diagnosis, label, int(label == "malignant")))
        truths.append(Truth(f"jpeg/train/{name}.jpg", label, patient))
    header = "image_name,patient_id,sex,age_approx,anatom_site_general_challenge"
    write_table(root / "train.csv", f"{header},diagnosis,benign_malignant,target", rows)
    tests = [f"ISIC_{52060 + number:07d}" for number in range(4)]
    for name in tests:
        write_picture(root / f"jpeg/test/{name}.jpg")
    write_table(root / "test.csv", header, [(name, "IP_3579794", "male", 70.0, "head/neck") for name in tests])
    write_table(root / "sample_submission.csv", "image_name,target", [(name, 0) for name in tests])
    return truths


def _aptos(root: Path) -> list[Truth]:
    truths, rows = [], []
    for number in range(15):
        name = f"{0x000C1434D8D7 + number * 7919:012x}"
        write_picture(root / f"train_images/{name}.png")
        rows.append((name, number % 5))
        truths.append(Truth(f"train_images/{name}.png", RETINOPATHY[number % 5]))
    write_table(root / "train.csv", "id_code,diagnosis", rows)
    tests = [f"{0x0005CFC8AFB6 + number * 7919:012x}" for number in range(4)]
    for name in tests:
        write_picture(root / f"test_images/{name}.png")
    write_table(root / "test.csv", "id_code", [(name,) for name in tests])
    write_table(root / "sample_submission.csv", "id_code,diagnosis", [(name, 0) for name in tests])
    return truths


SKIN_AND_RETINA = (
    PublicDataset("HAM10000", _ham10000),
    PublicDataset("ISIC 2019", _isic_2019),
    PublicDataset("ISIC 2020", _isic_2020),
    PublicDataset("APTOS", _aptos),
)
