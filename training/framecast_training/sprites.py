"""Subjects: pictures with transparency that are moved about. Emoji of Noto Color Emoji, and shapes drawn here.

A sprite is premultiplied RGBA, float32 [4, 128, 128] in [0, 1], cropped to what is drawn. A share of all subjects, chosen by
a hash of their names, is never trained on.
"""

import functools
import hashlib
import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

SPRITE_PX = 128
FONT_FILES = (
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf",
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
)
BITMAP_STRIKE = 109
"""The one size that the font holds."""

EMOJI_RANGES = ((0x1F300, 0x1F5FF), (0x1F600, 0x1F64F), (0x1F680, 0x1F6C5), (0x1F90C, 0x1F9FF), (0x1FA70, 0x1FAF6),
                (0x2600, 0x26FF), (0x2B50, 0x2B50))
LEFT_OUT_WORDS = ("CLOCK FACE", "MODIFIER", "ARROW", "SQUARED", "SYMBOL", "BUTTON", "SIGN", "INPUT", "MOON SYMBOL")
"""Hardly told apart, or text."""

HELD_OUT_SHARE = 0.1


@dataclass(frozen=True)
class Subject:
    name: str
    """As a caption says it: `fox`."""
    held_out: bool
    glyph: str | None
    """Of the emoji font; none for a drawn shape."""
    shape_seed: int = 0


class MissingFont(Exception):
    pass


def find_font(configured: str | None = None) -> Path:
    """The emoji font. @raises MissingFont saying where it was looked for"""
    candidates = [configured] if configured else list(FONT_FILES)
    for candidate in candidates:
        if Path(candidate).is_file():
            return Path(candidate)
    raise MissingFont(
        f"There is no Noto Color Emoji font at {', '.join(candidates)}: install the package fonts-noto-color-emoji, "
        "or name the file by `font` in the configuration"
    )


def is_held_out(name: str) -> bool:
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT_SHARE


def spoken(unicode_name: str) -> str:
    """`FOX FACE` → `fox`."""
    name = unicode_name.lower().replace("-", " ")
    for ending in (" face", " symbol"):
        name = name.removesuffix(ending)
    for joint in (" with ", " of ", " over ", " for ", " in ", " on ", " and ", " behind "):
        name = name.split(joint)[0]
    words = name.split()
    if "face" in words or "smiling" in words:
        return "face"
    return " ".join(words[-2:])


@functools.cache
def emoji_subjects(font: Path) -> tuple[Subject, ...]:
    """Every glyph of the font that has a picture, in the order of code points."""
    subjects = []
    for first, last in EMOJI_RANGES:
        for code in range(first, last + 1):
            name = unicodedata.name(chr(code), "")
            if not name or any(word in name for word in LEFT_OUT_WORDS) or _emoji(font, chr(code)) is None:
                continue
            subjects.append(Subject(spoken(name), is_held_out(name), chr(code)))
    return tuple(subjects)


def shape_subject(seed: int, held_out: bool) -> Subject:
    """A shape, blob or letter in colours of its own. Held-out ones come from other seeds than those trained on."""
    number = 2 * seed + int(held_out)
    name = ("star", "polygon", "blob", "letter", "ring", "heart")[np.random.default_rng(number).integers(6)]
    return Subject(name, held_out, None, number)


def sprite(subject: Subject, font: Path) -> Tensor:
    """Premultiplied RGBA [4, 128, 128]."""
    return _emoji(font, subject.glyph) if subject.glyph else _shape(subject.name, subject.shape_seed)


@functools.cache
def _emoji(font: Path, glyph: str) -> Tensor | None:
    face = _face(font)
    canvas = Image.new("RGBA", (160, 160))
    ImageDraw.Draw(canvas).text((8, 8), glyph, font=face, embedded_color=True)
    box = canvas.getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 20:
        return None
    pixels = np.asarray(canvas.crop(box))
    colourless = pixels[..., :3][pixels[..., 3] > 128]
    if len(colourless) == 0 or int(colourless.max()) < 8:
        return None
    return _fitted(canvas.crop(box))


@functools.cache
def _face(font: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font), BITMAP_STRIKE)


def _fitted(picture: Image.Image) -> Tensor:
    """Centred in the sprite's square, premultiplied."""
    largest = max(picture.size)
    square = Image.new("RGBA", (largest, largest))
    square.paste(picture, ((largest - picture.width) // 2, (largest - picture.height) // 2))
    rgba = torch.from_numpy(np.array(square)).float().permute(2, 0, 1) / 255
    rgba[:3] *= rgba[3:]
    size = (SPRITE_PX, SPRITE_PX)
    return torch.nn.functional.interpolate(rgba[None], size=size, mode="bilinear", antialias=True)[0].clamp(0, 1)


def _shape(name: str, seed: int) -> Tensor:
    """Drawn at twice the size with one fill, an outline, and sometimes eyes."""
    rng = np.random.default_rng(seed)
    size = 2 * SPRITE_PX
    canvas = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(canvas)
    fill, line = _colour(rng), _colour(rng, dark=True)
    width = int(rng.integers(4, 14))
    outline = _outline(name, rng, size)
    if name == "letter":
        text = str(rng.choice(list("ABCDEFGHKMPRSXZ23456789?!&")))
        draw.text((size / 2, size / 2), text, fill=fill, font=ImageFont.load_default(size * 0.95), anchor="mm",
                  stroke_width=width // 2, stroke_fill=line)
    else:
        draw.polygon(outline, fill=fill)
        draw.line([*outline, outline[0], outline[1]], fill=line, width=width, joint="curve")
    if name == "ring":
        inner = [(size / 2 + 0.5 * (x - size / 2), size / 2 + 0.5 * (y - size / 2)) for x, y in outline]
        draw.polygon(inner, fill=_colour(rng))
    if name == "blob" or rng.random() < 0.4:
        _draw_face(draw, rng, size)
    return _fitted(canvas.crop(canvas.getbbox()))


def _outline(name: str, rng: np.random.Generator, size: int) -> list[tuple[float, float]]:
    half = size / 2
    if name == "heart":
        turns = np.linspace(0, 2 * math.pi, 60, endpoint=False)
        return [(half + half * 0.055 * 16 * math.sin(t) ** 3,
                 half - half * 0.055 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)))
                for t in turns]
    corners = {"star": 2 * int(rng.integers(4, 8)), "polygon": int(rng.integers(3, 8)), "ring": 48}.get(name, 60)
    waves = [(int(k), rng.uniform(0, 0.12), rng.uniform(0, 2 * math.pi)) for k in rng.integers(2, 6, size=3)]
    points = []
    for corner in range(corners):
        turn = 2 * math.pi * corner / corners - math.pi / 2
        radius = 0.9 * half
        if name == "star" and corner % 2:
            radius *= 0.5
        if name == "blob":
            radius *= 0.75 + sum(a * math.sin(k * turn + p) for k, a, p in waves)
        points.append((half + radius * math.cos(turn), half + radius * math.sin(turn)))
    return points


def _draw_face(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    eye, apart, high = size * rng.uniform(0.035, 0.07), size * rng.uniform(0.09, 0.16), size * rng.uniform(0.4, 0.5)
    for side in (-1, 1):
        x = size / 2 + side * apart
        draw.ellipse((x - 1.6 * eye, high - 1.6 * eye, x + 1.6 * eye, high + 1.6 * eye), fill=(255, 255, 255, 255))
        draw.ellipse((x - eye, high - eye, x + eye, high + eye), fill=(20, 20, 30, 255))
    draw.arc((size * 0.38, size * 0.48, size * 0.62, size * 0.66), 20, 160, fill=(40, 20, 30, 255), width=6)


def _colour(rng: np.random.Generator, dark: bool = False) -> tuple[int, int, int, int]:
    red, green, blue = (int(value) for value in (rng.integers(0, 120, 3) if dark else rng.integers(30, 256, 3)))
    return red, green, blue, 255
