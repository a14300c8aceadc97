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

import resource
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from . import checkpoint
from .clips import BRIDGE_FRAMES, SECTION_FRAMES, ClipSpec, Domain, SpriteBook, draw_clip, with_other_motions
from .packing import WindowPlace
from .ranks import mixed_precision
from .train_vae import unit_range
from .vae import Autoencoder

FAMILIES = ("start", "middle", "end", "bridge", "short", "first", "last")
FAMILY_SHARES = (0.15, 0.14, 0.07, 0.1, 0.04, 0.25, 0.25)
"""Of scenes; a scene of the last two makes `CLIPS_PER_SCENE` clips."""
CLIPS_PER_SCENE = 3
CAPTIONS_PER_CLIP = 4
CLIPS_AT_ONCE = {"cpu": 4, "cuda": 16}
"""That the encoder gets. One alone takes torch's slow way through narrow float32 convolutions on a CPU."""


@dataclass
class DrawnClip:
    """A clip as drawn, and what of it is trained on."""

    frames: Tensor
    """uint8 [1 + frames, 3, 96, 96], the start picture before the clip's own"""
    captions: list[str]
    places: list[WindowPlace]
    motions: tuple[str, ...]


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


def draw_scene(book: SpriteBook, rng: np.random.Generator, domain: Domain) -> list[DrawnClip]:
    """The clips of one scene."""
    spec = draw_clip(book, rng, domain=domain)
    family = str(rng.choice(FAMILIES, p=FAMILY_SHARES))
    specs = with_other_motions(spec, CLIPS_PER_SCENE, rng, domain) if family in ("first", "last") else [spec]
    return [draw_of_family(own, family, rng) for own in specs]


def draw_of_family(spec: ClipSpec, family: str, rng: np.random.Generator) -> DrawnClip:
    phases, windows = phases_of(family, spec, rng)
    frames = spec.scene.draw(np.concatenate((np.zeros(1), phases)))
    return DrawnClip(frames, [spec.caption(rng) for _ in range(CAPTIONS_PER_CLIP)], windows, spec.scene.motions)


@torch.no_grad()
def encode_clips(vae: Autoencoder, clips: list[DrawnClip]) -> list[PooledClip]:
    """In order. Clips of one length go through the encoder together."""
    starts = _encoded(vae, torch.stack([clip.frames[:1] for clip in clips]))
    of_length: dict[int, list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        of_length[len(clip.frames)].append(index)
    pooled: dict[int, PooledClip] = {}
    at_once = CLIPS_AT_ONCE[next(vae.parameters()).device.type]
    for indices in of_length.values():
        for batch in (indices[i:i + at_once] for i in range(0, len(indices), at_once)):
            latents = _encoded(vae, torch.stack([clips[index].frames[1:] for index in batch]))
            for index, own in zip(batch, latents):
                clip, picture = clips[index], clips[index].frames[0].clone()
                pooled[index] = PooledClip(own, starts[index], picture, clip.captions, clip.places, clip.motions)
    return [pooled[index] for index in range(len(clips))]


def _encoded(vae: Autoencoder, frames: Tensor) -> Tensor:
    """uint8 [batch, frames, 3, 96, 96] → float16 [batch, 16, latent frames, 12, 12]"""
    device = next(vae.parameters()).device
    clips = unit_range(frames.to(device)).transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
    with mixed_precision(device.type):
        return vae.encode(clips).half().cpu()


class Parts(Dataset):
    """The pool's parts, drawn when asked for, or before by `work_draw`."""

    def __init__(self, settings: dict, book: SpriteBook, work: Path, numbers: list[int]):
        self.settings, self.book, self.folder, self.numbers = settings, book, work / "drawn", numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> tuple[int, list[DrawnClip]]:
        number = self.numbers[index]
        file = self.file_of(number)
        return number, torch.load(file, weights_only=False) if file.exists() else self.draw(number)

    def file_of(self, number: int) -> Path:
        return self.folder / f"{number:04d}.clips"

    def draw(self, number: int) -> list[DrawnClip]:
        rng = np.random.default_rng((self.settings["seed"], number))
        clips: list[DrawnClip] = []
        while len(clips) < self.settings["clips_per_part"]:
            clips += draw_scene(self.book, rng, self.settings["domain"])
        return clips[:self.settings["clips_per_part"]]


def work_draw(rank: int, ranks: int, settings: dict, book: SpriteBook, work: Path) -> None:
    """Draws one rank's parts ahead, for a GPU that is still busy with the autoencoder."""
    parts = Parts(settings, book, work, list(range(rank, settings["parts"], ranks)))
    parts.folder.mkdir(parents=True, exist_ok=True)
    for number in parts.numbers:
        if not parts.file_of(number).exists():
            checkpoint.save(parts.file_of(number), parts.draw(number))


def work_pool(rank: int, ranks: int, settings: dict, vae: Autoencoder, book: SpriteBook, work: Path) -> None:
    """Makes one rank's parts, those there already left as they are; `drawers` processes draw ahead of the encoder."""
    folder = work / "pool"
    folder.mkdir(parents=True, exist_ok=True)
    vae = vae.eval().to(settings["device"], memory_format=torch.channels_last_3d)
    missing = [part for part in range(rank, settings["parts"], ranks) if not (folder / f"{part:04d}.pool").exists()]
    parts = Parts(settings, book, work, missing)
    # What other processes draw comes as open files.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    for number, clips in DataLoader(parts, batch_size=None, num_workers=settings.get("drawers", 0)):
        save_pool(folder / f"{number:04d}.pool", encode_clips(vae, clips))
        print(f"pool: part {number + 1} of {settings['parts']}, {len(clips)} clips", flush=True)


def save_pool(file: Path, clips: list[PooledClip]) -> None:
    """As few tensors, which are read many times faster than many."""
    checkpoint.save(file, {
        "latents": torch.cat([clip.latents.transpose(0, 1) for clip in clips]),
        "lengths": [clip.latents.shape[1] for clip in clips],
        "starts": torch.stack([clip.start for clip in clips]),
        "pictures": torch.stack([clip.picture for clip in clips]),
        "captions": [clip.captions for clip in clips],
        "places": [clip.places for clip in clips],
    })


def parts_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pool"))


class Pool:
    """All finished parts of a pool, in tensors on the device that trains, from which batches are taken by index."""

    def __init__(self, files: list[Path], device: str | torch.device):
        parts = [torch.load(file, weights_only=False) for file in files]
        nothing = parts[0]["latents"].new_zeros(1, *parts[0]["latents"].shape[1:])
        self.latents = torch.cat((nothing, *(part["latents"] for part in parts))).to(device)
        """float16 [latent frames, 16, 12, 12] of all clips in a row, after one of zeros, which is what a lacking past is"""
        self.starts = torch.cat([part["starts"] for part in parts]).to(device)
        """float16 [clips, 16, 1, 12, 12]"""
        self.pictures = torch.cat([part["pictures"] for part in parts]).to(device)
        """uint8 [clips, 3, 96, 96]"""
        self.captions: list[list[str]] = [captions for part in parts for captions in part["captions"]]
        places = [places for part in parts for places in part["places"]]
        lengths = [length for part in parts for length in part["lengths"]]
        self.places = [(clip, place) for clip, own in enumerate(places) for place in own]
        """Every window to train on, and the clip that it is of"""
        firsts = 1 + np.concatenate(([0], np.cumsum(lengths)))
        rows = [(place.window_frames(), place.context_frames()) for _, place in self.places]
        first = torch.tensor([firsts[clip] for clip, _ in self.places])[:, None]
        self.windows = (first + torch.tensor([window for window, _ in rows])).to(device)
        """[places, 9] indices into `latents`"""
        contexts = torch.tensor([[-1 if frame is None else frame for frame in context] for _, context in rows])
        self.contexts = torch.where(contexts < 0, 0, first + contexts).to(device)
        """[places, 19]"""
        self.clip_of = torch.tensor([clip for clip, _ in self.places]).to(device)

    def batch(self, places: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """
        Window, start frame and history of places [batch], float32 [batch, 16, frames, 12, 12], and their start pictures.
        """
        clips = self.clip_of[places]
        window, context = (self.latents[index[places]].float().transpose(1, 2) for index in (self.windows, self.contexts))
        return window, self.starts[clips].float(), context, self.pictures[clips]
