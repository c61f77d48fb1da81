"""From a folder of images to a CSV of reviewed labels: `python core/docs/clean_a_folder.py IMAGES STUDY OUT.csv`.

IMAGES contains one folder per class. Run it once to import the images, train, and see the proposals; review the
proposals in the app (`overread app STUDY`); then run it again, and the CSV has the labels that you decided. Until then,
every label in it is the given label, with the proposal next to it.
"""

import sys
from pathlib import Path

from overread import export_labels, import_source, open_study, train


def clean(images: Path, study_path: Path, out: Path, *, settings: tuple[str, ...] = ()) -> None:
    """settings: of the training, each SECTION.FIELD=VALUE."""
    study = open_study(study_path) if study_path.is_dir() else import_source(images, study_path)
    print(f"{len(study.samples())} images of {', '.join(study.classes)}; {len(study.quarantine())} cannot be read")
    if not any(study.runs_path.glob("*/scores.csv")):
        run = train(study, settings=settings)
        print(run.proposals()[["sample_id", "given_label", "proposed_label", "label_error_probability"]])
    table = export_labels(study, out, overwrite=True)
    print(f"{out}: {len(table)} labels, {(table['is_changed'] == 'true').sum()} of them changed in review")


if __name__ == "__main__":
    clean(*map(Path, sys.argv[1:4]))
