"""
`python -m framecast_training.comparison [--config FILE] [--clips N] [--seconds S] [--vanilla FOLDER]`: FramePack's comparison
(arXiv 2504.12626, table 1) in small: by how much the last part of a video differs from the first, on the same model.

- inverted: made from its end, so that the start picture is in sight of every section
- forward: each section continues the past, and the network was trained on a past with faults
- vanilla forward: the same with a network that was not (`corruption = 0`), where its folder is given
- repeated: image to video again and again, the last frame as the next start picture, without any past
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .__main__ import HERE, Training
from .configuration import read_configuration
from .evaluate import Case, drift_figures, long_cases, make

SECTION_SECONDS = 1.2


def repeated(model: Path, cases: list[Case], folder: Path) -> list[Tensor]:
    """Videos of single sections, one after the other."""
    parts: list[list[Tensor]] = [[] for _ in cases]
    pictures = [case.spec.scene.draw(np.zeros(1))[0] for case in cases]
    for section in range(round(cases[0].seconds / SECTION_SECONDS)):
        alone = [Case(case.spec, case.prompt, "forward", SECTION_SECONDS) for case in cases]
        made = make(model, alone, folder / f"section-{section:03d}", pictures=pictures)
        for own, clip in zip(parts, made):
            own.append(clip if section == 0 else clip[1:])
        pictures = [clip[-1] for clip in made]
    return [torch.cat(own) for own in parts]


def compare(training: Training, count: int, seconds: float, vanilla: Path | None) -> dict:
    model = Path(training.settings["export"]["folder"])
    videos = training.work / "comparison"
    domain = training.settings["domain"]
    inverted, forward = (long_cases(training.book, 2000, schedule, count, seconds, domain) for schedule in ("inverted", "forward"))
    figures = {
        "inverted": drift_figures(make(model, inverted, videos / "inverted")),
        "forward": drift_figures(make(model, forward, videos / "forward")),
        "repeated image to video": drift_figures(repeated(model, forward, videos / "repeated")),
    }
    if vanilla:
        figures["vanilla forward"] = drift_figures(make(vanilla, forward, videos / "vanilla"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=HERE / "emoji.toml")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--vanilla", type=Path)
    given = parser.parse_args()
    training = Training(read_configuration(given.config))
    print(json.dumps(compare(training, given.clips, given.seconds, given.vanilla), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
