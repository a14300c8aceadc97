"""One scene: subjects on a background, drawn at any phase of its motions."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .motions import Change, Room, change_of

FRAME_PX = 96
SUPERSAMPLING = 2
USUAL_SCALE = 1.25
PLAIN_BACKGROUNDS = ("white", "flat", "gradient", "sky", "checker", "noise", "stripes", "night")


@dataclass(frozen=True)
class Placed:
    """A subject at rest."""

    sprite: Tensor
    """Premultiplied RGBA [4, height, width]"""
    x: float
    y: float
    """Of its centre, in pixels."""
    size: float
    """In pixels, of its longer side."""


@dataclass(frozen=True)
class Scene:
    subjects: tuple[Placed, ...]
    background: "Background"
    motions: tuple[str, ...]

    def room(self, placed: Placed) -> Room:
        """Amplitudes follow from where the subject stands, which the start picture shows."""
        half = placed.size / 2

        def until(edge: float, most: float) -> float:
            return min(most, max(8.0, edge - half + 6))

        return Room(
            until(placed.y, 26), until(FRAME_PX - placed.y, 22), until(placed.x, 23), until(FRAME_PX - placed.x, 23),
            placed.x + half + 4, FRAME_PX - placed.x + half + 4,
        )

    def draw(self, phases: np.ndarray) -> Tensor:
        """@phases [frames], in periods from rest. @returns uint8 [frames, 3, 96, 96]"""
        changes = [[change_of(self.motions, float(p), self.room(s)) for p in phases] for s in self.subjects]
        camera = changes[0]
        picture = self.background.draw(camera)
        for placed, own in zip(self.subjects, changes):
            layer = draw_sprite(placed, own)
            picture = picture * (1 - layer[:, 3:]) + layer[:, :3]
        light = torch.tensor([change.light for change in camera]).view(-1, 1, 1, 1)
        return (picture * light * 255).round().clamp(0, 255).to(torch.uint8)


def draw_sprite(placed: Placed, changes: list[Change]) -> Tensor:
    """Premultiplied RGBA [frames, 4, 96, 96]."""
    theta = torch.tensor([_sampling_matrix(placed, change) for change in changes], dtype=torch.float32)
    size = FRAME_PX * SUPERSAMPLING
    grid = F.affine_grid(theta, [len(changes), 4, size, size], align_corners=False)
    # The sprite at about the size it is drawn at, so that bilinear sampling does not skip pixels; the same for all motions, so
    # that the start picture does not tell them apart.
    drawn = int(min(placed.sprite.shape[-1], max(16, round(placed.size * USUAL_SCALE * SUPERSAMPLING))))
    sprite = F.interpolate(placed.sprite[None], size=(drawn, drawn), mode="bilinear", antialias=True)
    sprite = _hued(sprite, changes) if any(change.hue for change in changes) else sprite.expand(len(changes), -1, -1, -1)
    layer = F.avg_pool2d(F.grid_sample(sprite, grid, align_corners=False), SUPERSAMPLING)
    return layer * torch.tensor([change.opacity for change in changes]).view(-1, 1, 1, 1)


def _sampling_matrix(placed: Placed, change: Change) -> list[list[float]]:
    """From places of the frame to places of the sprite, both in [−1, 1]."""
    half = FRAME_PX / 2
    # The camera looks at the middle, and things near it move less under a pan than the background does.
    x = (placed.x + change.dx - half - 0.5 * change.pan) * change.zoom
    foot = 0.5 * placed.size * change.scale * change.stretch * 0.9
    y = (placed.y + change.dy + foot - half) * change.zoom
    wide = placed.size * change.scale * change.zoom * (1 + change.stretch)
    high = placed.size * change.scale * change.zoom * (1 - 0.9 * change.stretch)
    turn = 2 * math.pi * change.turn
    cos, sin = math.cos(turn), math.sin(turn)
    # Sprite place = rotate(−turn)(frame place − centre) / half size
    a, b = FRAME_PX / wide * cos, FRAME_PX / wide * sin
    c, d = -FRAME_PX / high * sin, FRAME_PX / high * cos
    return [[a, b, -(a * x + b * y) / half], [c, d, -(c * x + d * y) / half]]


def _hued(sprite: Tensor, changes: list[Change]) -> Tensor:
    """Colours turned about the grey axis (Rodrigues' rotation), one turn of each frame."""
    turns = torch.tensor([2 * math.pi * change.hue for change in changes])
    cos, sin = turns.cos().view(-1, 1, 1), turns.sin().view(-1, 1, 1) / math.sqrt(3)
    eye, third = torch.eye(3), torch.full((3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    rotation = cos * eye + sin * cross + (1 - cos) * third
    rgb = torch.einsum("fij,jhw->fihw", rotation, sprite[0, :3])
    alpha = sprite[:, 3:].expand(len(changes), -1, -1, -1)
    return torch.cat((torch.minimum(rgb.clamp(min=0), alpha), alpha), 1)


@dataclass(frozen=True)
class Background:
    """Drawn from coordinates, so that the camera can look anywhere."""

    kind: str
    colours: Tensor
    """[4, 3] in [0, 1]"""
    numbers: tuple[float, ...]
    noise: Tensor
    """[1, 3, 12, 12] in [0, 1]"""

    def draw(self, changes: list[Change]) -> Tensor:
        """[frames, 3, 96, 96]; one drawing where the camera rests."""
        if all(change.zoom == 1 and change.pan == 0 for change in changes):
            return self._draw(changes[:1]).expand(len(changes), -1, -1, -1)
        return self._draw(changes)

    def _draw(self, changes: list[Change]) -> Tensor:
        axis = (torch.arange(FRAME_PX) + 0.5 - FRAME_PX / 2).float()
        zoom = torch.tensor([change.zoom for change in changes]).view(-1, 1, 1)
        pan = torch.tensor([change.pan for change in changes]).view(-1, 1, 1)
        x = axis.view(1, 1, -1) / zoom + pan + FRAME_PX / 2
        y = (axis.view(1, -1, 1) / zoom + FRAME_PX / 2).expand(-1, -1, FRAME_PX)
        x = x.expand(-1, FRAME_PX, -1)
        first, second, third, _ = (colour.view(1, 3, 1, 1) for colour in self.colours)
        return mix(first, second, self._share(x, y)) if self.kind != "noise" else self._noise(x, y, third)

    def _share(self, x: Tensor, y: Tensor) -> Tensor:
        """Of the second colour [frames, 1, 96, 96]."""
        a, b, c, d = self.numbers
        if self.kind in ("white", "flat"):
            share = torch.zeros_like(x)
        elif self.kind == "gradient":
            share = ((x - 48) * math.cos(6.28 * a) + (y - 48) * math.sin(6.28 * a)) / 110 + 0.5
        elif self.kind == "sky":
            hill = 62 + 22 * b + 5 * torch.sin(x / (9 + 10 * c) + 6 * a)
            share = torch.sigmoid((y - hill) * 2) * 0.8 + 0.2 * y / 96
        elif self.kind == "checker":
            cell = 9 + 12 * a
            share = 0.15 + 0.7 * (torch.sigmoid(40 * torch.sin(math.pi * x / cell) * torch.sin(math.pi * y / cell)))
        elif self.kind == "stripes":
            share = 0.5 + 0.5 * torch.sin((x * math.cos(3 * a) + y * math.sin(3 * a)) / (3.5 + 5 * b))
        else:  # night: stars
            share = torch.zeros_like(x)
            for star in range(14):
                sx = (37.7 * star * (1 + a) + 11) % 150 - 15
                sy = (23.3 * star * (1 + b) + 5) % 96
                share = share + torch.exp(-((x - sx) ** 2 + (y - sy) ** 2) / (1.2 + 1.5 * c))
        return share.clamp(0, 1).unsqueeze(1)

    def _noise(self, x: Tensor, y: Tensor, third: Tensor) -> Tensor:
        grid = torch.stack((x / 75 - 0.9, y / 60 - 0.9), -1)
        field = F.grid_sample(self.noise.expand(len(x), -1, -1, -1), grid, mode="bicubic", padding_mode="reflection",
                              align_corners=False)
        return (third + 0.35 * (field - 0.5)).clamp(0, 1)


def mix(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first * (1 - share) + second * share


def draw_background(rng: np.random.Generator, kinds: tuple[str, ...] = ()) -> Background:
    """@kinds to choose from; none for all, the calm ones more often"""
    shares = (0.2, 0.2, 0.17, 0.17, 0.06, 0.08, 0.04, 0.08)
    kind = str(rng.choice(kinds) if kinds else rng.choice(PLAIN_BACKGROUNDS, p=shares))
    colours = torch.tensor(rng.uniform(0, 1, (4, 3)), dtype=torch.float32)
    if rng.random() < 0.7:
        colours = 0.45 + 0.55 * colours
    if kind == "white":
        colours[0] = 1.0
    if kind in ("checker", "stripes"):
        colours[1] = colours[0] + (colours[1] - colours[0]) * 0.35
    if kind == "night":
        colours[0] *= 0.25
        colours[1] = 1.0
    return Background(kind, colours, tuple(rng.uniform(0, 1, 4)), torch.tensor(rng.uniform(0, 1, (1, 3, 12, 12))).float())


def place(
    sprites: tuple[Tensor, ...],
    rng: np.random.Generator,
    sizes: tuple[float, float] | None = None,
    reach: float | None = None,
) -> tuple[Placed, ...]:
    """One subject near the middle, in many sizes unless @sizes says otherwise, or two side by side."""
    if len(sprites) == 2:
        sizes = rng.uniform(30, 42, 2)
        return tuple(Placed(sprite, 26 + 44 * i + rng.uniform(-4, 4), 50 + rng.uniform(-8, 8), float(size))
                     for i, (sprite, size) in enumerate(zip(sprites, sizes)))
    many = rng.choice((rng.uniform(40, 62), rng.uniform(30, 42), rng.uniform(62, 84)), p=(0.66, 0.16, 0.18))
    size = float(rng.uniform(*sizes) if sizes else many)
    if reach is None:
        reach = 3.0 if size > 62 or rng.random() < 0.6 else 14.0
    return (Placed(sprites[0], 48 + rng.uniform(-reach, reach), 50 + rng.uniform(-reach, reach), size),)
