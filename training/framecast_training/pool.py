"""Latents of many clips, made once by the trained encoder and then trained on many times.

Seven families of clips cover what the two schedules meet:

| family  | time                                         | forward sections | inverted sections                              |
| ------- | -------------------------------------------- | ---------------- | ---------------------------------------------- |
| start   | from rest                                    | the first three  |                                                |
| middle  | anywhere                                     | later ones       | far from both ends                             |
| end     | until rest                                   |                  | those made first, with none or little history  |
| bridge  | from rest to a phase that the rest is at     |                  | the last two                                   |
| short   | a whole video of 1 to 3 sections             |                  | all of them                                    |
| first   | from rest, one section                       | the first        |                                                |
| last    | one section until rest                       |                  | the one made first                             |

The last two teach what words mean: their sections have no past that would show the motion, and several clips share one
start picture, so that nothing but the words tells them apart.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .clips import BRIDGE_FRAMES, SECTION_FRAMES, ClipSpec, Domain, SpriteBook, draw_clip, with_other_motions
from .packing import WindowPlace
from .ranks import mixed_precision
from .train_vae import unit_range
from .vae import Autoencoder

FAMILIES = ("start", "middle", "end", "bridge", "short", "first", "last")
FAMILY_SHARES = (0.15, 0.14, 0.07, 0.1, 0.04, 0.25, 0.25)
"""Of scenes; a scene of the last two makes `CLIPS_PER_SCENE` clips."""
CLIPS_PER_SCENE = 3


@dataclass
class PooledClip:
    """What training needs of one clip."""

    latents: Tensor
    """float16 [16, latent frames, 12, 12]"""
    start: Tensor
    """The start picture's latent frame, alone in time, float16 [16, 1, 12, 12]"""
    picture: Tensor
    """The start picture, uint8 [3, 96, 96]"""
    captions: list[str]
    places: list[WindowPlace]
    motions: tuple[str, ...]


def phases_of(family: str, spec: ClipSpec, rng: np.random.Generator) -> tuple[np.ndarray, list[WindowPlace]]:
    """Phase at each frame of a clip, and the windows in it."""
    timeline, latent = spec.timeline, SECTION_FRAMES // 4
    if family == "start":
        frames = np.arange(3 * SECTION_FRAMES + 1)
        return timeline.forward(frames), [
            WindowPlace("forward", None, 1 + section * latent, 0, 1 + section * latent) for section in range(3)
        ]
    if family == "middle":
        frames = np.arange(4 * 28 + 1)
        phase = rng.uniform()
        return timeline.passing(frames, phase), [
            WindowPlace("forward", None, 20, 1, 20),
            WindowPlace("inverted", 2, 1, 10, 29),
        ]
    if family == "end":
        frames = np.arange(4 * 27 + 1)
        first = 3 if rng.random() < 0.7 else 2
        return timeline.ending(frames, int(frames[-1])), [
            WindowPlace("inverted", first, 19, 28, 28),
            WindowPlace("inverted", 2, 10, 19, 28),
            WindowPlace("inverted", 2, 1, 10, 28),
        ]
    if family == "bridge":
        frames = np.arange(4 * 37 + 1)
        return timeline.bridged(frames, BRIDGE_FRAMES, rng.uniform()), [
            WindowPlace("inverted", 1, 10, 19, 38),
            WindowPlace("inverted", 0, 1, 10, 29),
        ]
    if family == "first":
        return timeline.forward(np.arange(SECTION_FRAMES + 1)), [WindowPlace("forward", None, 1, 0, 1)]
    if family == "last":
        # Two latent frames more, since the first of a clip is encoded like no other.
        frames = np.arange(SECTION_FRAMES + 9)
        padding = 3 if rng.random() < 0.7 else 2
        return timeline.ending(frames, int(frames[-1])), [WindowPlace("inverted", padding, 3, 3 + latent, 3 + latent)]
    sections = int(rng.integers(1, 4))
    frames = np.arange(sections * SECTION_FRAMES + 1)
    bridge = min(BRIDGE_FRAMES, int(frames[-1]))
    # The whole video ends at rest, so where the bridge ends is known from there.
    after = timeline.ending(np.array([bridge]), int(frames[-1]))[0]
    return timeline.bridged(frames, bridge, after), [
        WindowPlace("inverted", padding, 1 + padding * latent, 1 + (padding + 1) * latent, 1 + sections * latent)
        for padding in range(sections)
    ]


def pool_scene(vae: Autoencoder, book: SpriteBook, rng: np.random.Generator, domain: Domain) -> list[PooledClip]:
    """The clips of one scene."""
    spec = draw_clip(book, rng, domain=domain)
    family = str(rng.choice(FAMILIES, p=FAMILY_SHARES))
    specs = with_other_motions(spec, CLIPS_PER_SCENE, rng, domain) if family in ("first", "last") else [spec]
    return [pool_clip(vae, own, family, rng) for own in specs]


@torch.no_grad()
def pool_clip(vae: Autoencoder, spec: ClipSpec, family: str, rng: np.random.Generator) -> PooledClip:
    phases, windows = phases_of(family, spec, rng)
    frames = spec.scene.draw(np.concatenate((np.zeros(1), phases)))
    with mixed_precision():
        start = vae.encode(channels_last(unit_range(frames[:1]).transpose(0, 1)[None]))[0]
        latents = vae.encode(channels_last(unit_range(frames[1:]).transpose(0, 1)[None]))[0]
    captions = [spec.caption(rng) for _ in range(6)]
    return PooledClip(latents.half(), start.half(), frames[0].clone(), captions, windows, spec.scene.motions)


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last_3d)


def save_pool(file: Path, clips: list[PooledClip]) -> None:
    beside = file.with_suffix(".new")
    torch.save(clips, beside)
    beside.replace(file)


def parts_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pool"))


def load_pool(folder: Path) -> list[PooledClip]:
    """All finished parts of a pool."""
    clips: list[PooledClip] = []
    for file in parts_of(folder):
        clips += torch.load(file, weights_only=False)
    return clips


def work_pool(rank: int, ranks: int, settings: dict, weights: dict[str, Tensor], shape, book: SpriteBook, folder: Path) -> None:
    """Makes one rank's parts, those there already left as they are."""
    vae = Autoencoder(shape).eval()
    vae.load_state_dict(weights)
    vae.to(memory_format=torch.channels_last_3d)
    folder.mkdir(parents=True, exist_ok=True)
    parts, size, domain = settings["parts"], settings["clips_per_part"], settings["domain"]
    for part in range(rank, parts, ranks):
        file = folder / f"{part:04d}.pool"
        if file.exists():
            continue
        rng = np.random.default_rng((settings["seed"], part))
        clips: list[PooledClip] = []
        while len(clips) < size:
            clips += pool_scene(vae, book, rng, domain)
        save_pool(file, clips[:size])
        print(f"pool: part {part + 1} of {parts}, {size} clips", flush=True)
