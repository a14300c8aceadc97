"""
`python -m framecast_training.comparison [--config FILE] [--clips N] [--seconds S] [--vanilla FOLDER] [--ways WAY …]
[--torch DEVICE]`: FramePack's comparison (arXiv 2504.12626, table 1) in small: by how much the last part of a video differs
from the first, on the same model.

- inverted: made from its end, so that the start picture is in sight of every section
- forward: each section continues the past, and the network was trained on a past with faults
- vanilla forward: the same with a network that was not (`corruption = 0`), where its folder is given
- repeated: image to video again and again, the last frame as the next start picture, without any past
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .__main__ import HERE, Training
from .configuration import read_configuration
from .evaluate import Case, drift_figures, long_cases, make
from .sampling import Networks, load_networks

SECTION_SECONDS = 1.2


WAYS = ("inverted", "forward", "vanilla", "repeated")


def repeated(model: Path, cases: list[Case], folder: Path, networks: Networks | None) -> list[Tensor]:
    """Videos of single sections, one after the other."""
    parts: list[list[Tensor]] = [[] for _ in cases]
    pictures = [case.spec.scene.draw(np.zeros(1))[0] for case in cases]
    for section in range(round(cases[0].seconds / SECTION_SECONDS)):
        alone = [Case(case.spec, case.prompt, "forward", SECTION_SECONDS) for case in cases]
        made = make(model, alone, folder / f"section-{section:03d}", pictures=pictures, networks=networks)
        for own, clip in zip(parts, made):
            own.append(clip if section == 0 else clip[1:])
        pictures = [clip[-1] for clip in made]
    return [torch.cat(own) for own in parts]


@dataclass(frozen=True)
class Comparison:
    training: Training
    count: int
    seconds: float
    vanilla: Path | None
    device: str | None
    """Of PyTorch; None: framecast's engine."""

    def figures(self, ways: list[str]) -> dict:
        return {self.name(way): drift_figures(self.videos(way)) for way in ways}

    def name(self, way: str) -> str:
        return {"vanilla": "vanilla forward", "repeated": "repeated image to video"}.get(way, way)

    def videos(self, way: str) -> list[Tensor]:
        """Made once and kept."""
        settings, folder = self.training.settings, self.training.work / "comparison" / way
        model = self.vanilla if way == "vanilla" else Path(settings["export"]["folder"])
        networks = load_networks(model, self.device) if self.device else None
        schedule = "inverted" if way == "inverted" else "forward"
        cases = long_cases(self.training.book, 2000, schedule, self.count, self.seconds, settings["domain"])
        if way == "repeated":
            return repeated(model, cases, folder, networks)
        return make(model, cases, folder, networks=networks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=HERE / "emoji.toml")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--vanilla", type=Path, help="model folder of the network that was trained on a past without faults")
    parser.add_argument("--ways", nargs="+", choices=WAYS, help="default: all, vanilla where its folder is given")
    parser.add_argument("--torch", metavar="DEVICE", help="make the videos in PyTorch on cpu or cuda, not by framecast's engine")
    given = parser.parse_args()
    ways = given.ways or [way for way in WAYS if way != "vanilla" or given.vanilla]
    if "vanilla" in ways and not given.vanilla:
        parser.error("the way vanilla needs --vanilla FOLDER")
    training = Training(read_configuration(given.config))
    comparison = Comparison(training, given.clips, given.seconds, given.vanilla, given.torch)
    print(json.dumps(comparison.figures(ways), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
