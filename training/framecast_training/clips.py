"""Clips to train on: which scene, which stretch of its time, and what of it each schedule sees.

A video starts at rest, at phase 0. Made forward, it just goes on. Made from its end, it must come out right where it meets
the start picture, so the rules of time are part of the data (`Timeline`): the last frame is at rest, and the first 72
frames run a little faster or slower, so that they lead from rest to whatever phase the rest of the video is at.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .captions import caption
from .motions import COMPOUNDS, MOTIONS, SPEEDS, Speed, period_of
from .scene import Scene, draw_background, place
from .sprites import SPRITE_PX, Subject, emoji_subjects, shape_subject, sprite

BRIDGE_FRAMES = 72
SECTION_FRAMES = 36


@dataclass(frozen=True)
class Domain:
    """Which clips there are. The widest by default; a narrower one is learnt sooner, and better for the same compute."""

    motions: tuple[str, ...] = tuple(motion.name for motion in MOTIONS)
    often: tuple[str, ...] = ()
    """Of them, those drawn twice as often as the others."""
    pairs: float = 0.2
    """Share of clips with two motions at once."""
    gentle: float = 0.08
    """Share of clips whose prompt asks for no motion."""
    other_speeds: float = 0.4
    two_subjects: float = 0.08
    shapes: float = 0.2
    """Share of subjects that are drawn shapes and letters."""
    sizes: tuple[float, float] | None = None
    """Of the subject, in pixels; none for many sizes, the middle ones most often."""
    reach: float | None = None
    """Of the subject from the middle, in pixels; none for near the middle most often."""
    backgrounds: tuple[str, ...] = ()
    """Kinds, each as often as any other; none for all of them."""

    @property
    def compounds(self) -> tuple[tuple[str, str], ...]:
        """Two motions of the domain at once, as far as they go together; none in a domain without pairs."""
        return tuple(pair for pair in COMPOUNDS if self.pairs > 0 and set(pair) <= set(self.motions))


WIDEST = Domain()


@dataclass(frozen=True)
class Timeline:
    """Phase at each frame of a video, in periods."""

    period_frames: float

    def forward(self, frames: np.ndarray) -> np.ndarray:
        return frames / self.period_frames

    def passing(self, frames: np.ndarray, phase: float) -> np.ndarray:
        """Somewhere in a long video. @phase at frame 0"""
        return phase + frames / self.period_frames

    def ending(self, frames: np.ndarray, last_frame: int) -> np.ndarray:
        """At rest at @last_frame."""
        return (frames - last_frame) / self.period_frames

    def bridged(self, frames: np.ndarray, bridge_frames: int, phase: float) -> np.ndarray:
        """At rest at frame 0, and at @phase (but for whole periods) from frame @bridge_frames on, where speed is normal."""
        cycles = bridge_frames / self.period_frames
        # The nearest number of whole periods, and not fewer than lead forward in time.
        missing = (cycles - phase) - max(round(cycles - phase), _fewest(cycles, phase))
        rest = np.clip((bridge_frames - frames) / bridge_frames, 0, None)
        smooth = rest**2 * (3 - 2 * rest)
        return phase + (frames - bridge_frames) / self.period_frames + missing * smooth


def _fewest(cycles: float, phase: float) -> int:
    """Whole periods before @phase, such that time does not run below 0.35 of its speed on average."""
    return int(np.ceil(0.35 * cycles - phase))


@dataclass(frozen=True)
class ClipSpec:
    scene: Scene
    timeline: Timeline
    speed: Speed
    nouns: tuple[str, ...]

    def caption(self, rng: np.random.Generator) -> str:
        return caption(self.scene.motions, self.speed, self.nouns, rng)


class SpriteBook:
    """All subjects' sprites, drawn once and kept in a file."""

    def __init__(self, font: Path, cache: Path, shapes: int = 400):
        self.subjects: list[Subject] = list(emoji_subjects_cached(font, cache))
        self.shapes = [shape_subject(seed, held_out=False) for seed in range(shapes)]
        self.shapes += [shape_subject(seed, held_out=True) for seed in range(shapes // 4)]
        self.font = font
        file = cache / "sprites.pt"
        if not file.exists():
            pixels = torch.stack([sprite(subject, font) for subject in (*self.subjects, *self.shapes)])
            torch.save((pixels * 255).round().to(torch.uint8), file)
        self.pixels: Tensor = torch.load(file, mmap=True)
        assert self.pixels.shape[1:] == (4, SPRITE_PX, SPRITE_PX)
        everyone = [*self.subjects, *self.shapes]
        self._indices = {
            (held_out, is_shape): [i for i, s in enumerate(everyone)
                                   if s.held_out == held_out and (s.glyph is None) == is_shape]
            for held_out in (False, True) for is_shape in (False, True)
        }
        self.everyone = everyone

    def draw(self, rng: np.random.Generator, held_out: bool, shapes: float) -> tuple[str, Tensor]:
        """A name and its sprite, sometimes mirrored."""
        index = int(rng.choice(self._indices[held_out, bool(rng.random() < shapes)]))
        pixels = self.pixels[index].float() / 255
        return self.everyone[index].name, pixels.flip(-1) if rng.random() < 0.5 else pixels


def emoji_subjects_cached(font: Path, cache: Path) -> tuple[Subject, ...]:
    file = cache / "subjects.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [[s.name, s.held_out, s.glyph] for s in emoji_subjects(font)]
        file.write_text(json.dumps(rows))
    return tuple(Subject(*row) for row in json.loads(file.read_text()))


def draw_motions(rng: np.random.Generator, domain: Domain = WIDEST) -> tuple[str, ...]:
    chance = rng.random()
    if chance < domain.gentle:
        return ("gentle",)
    if chance < domain.gentle + domain.pairs:
        return domain.compounds[int(rng.integers(len(domain.compounds)))]
    names = (*domain.motions, *domain.often)
    return (names[int(rng.integers(len(names)))],)


def draw_speed(rng: np.random.Generator, motions: tuple[str, ...], domain: Domain = WIDEST) -> Speed:
    if motions == ("gentle",) or rng.random() >= domain.other_speeds:
        return SPEEDS[0]
    return SPEEDS[int(rng.integers(1, len(SPEEDS)))]


def draw_clip(
    book: SpriteBook,
    rng: np.random.Generator,
    *,
    held_out: bool = False,
    motions: tuple[str, ...] | None = None,
    speed: Speed | None = None,
    domain: Domain = WIDEST,
) -> ClipSpec:
    motions = motions or draw_motions(rng, domain)
    speed = speed or draw_speed(rng, motions, domain)
    together = rng.random() < domain.two_subjects and fit_for_two(motions)
    drawn = [book.draw(rng, held_out, domain.shapes) for _ in range(2 if together else 1)]
    placed = place(tuple(pixels for _, pixels in drawn), rng, domain.sizes, domain.reach)
    scene = Scene(placed, draw_background(rng, domain.backgrounds), motions)
    return ClipSpec(scene, Timeline(period_of(motions, speed)), speed, tuple(name for name, _ in drawn))


def with_other_motions(spec: ClipSpec, count: int, rng: np.random.Generator, domain: Domain = WIDEST) -> list[ClipSpec]:
    """@spec and the same start picture with other motions, no two alike: @count in all, or as many as a narrow domain gives."""
    specs, seen = [spec], {spec.scene.motions}
    alone = len(spec.scene.subjects) == 1
    for _ in range(50 * count):
        if len(specs) == count:
            break
        motions = draw_motions(rng, domain)
        if motions in seen or not (alone or fit_for_two(motions)):
            continue
        seen.add(motions)
        speed = draw_speed(rng, motions, domain)
        scene = replace(spec.scene, motions=motions)
        specs.append(ClipSpec(scene, Timeline(period_of(motions, speed)), speed, spec.nouns))
    return specs


def fit_for_two(motions: tuple[str, ...]) -> bool:
    """Whether two subjects side by side can do it without hiding each other."""
    return not any(name.startswith("away") or name == "circle" for name in motions)
