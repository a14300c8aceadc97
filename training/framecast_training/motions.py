"""What can happen in a clip, and the words for it.

A motion is a pure function of phase: at a whole number everything is as in the start picture. Motions say how the
subject's pose, the camera and the light differ from that. Their periods do not divide a section of 36 frames, so what
comes next cannot be known without the past.
"""

import math
from dataclasses import dataclass, replace
from typing import Callable


@dataclass(frozen=True)
class Change:
    """Against the start picture. Lengths in pixels of the clip, y downwards, angles in turns, clockwise."""

    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0
    stretch: float = 0.0
    """Wider by this share, and lower: about the subject's foot."""
    turn: float = 0.0
    opacity: float = 1.0
    hue: float = 0.0
    """In turns of the colour wheel, of the subject alone."""
    light: float = 1.0
    """Of the whole picture."""
    zoom: float = 1.0
    pan: float = 0.0
    """Of the camera to the right, as pixels that the background moves to the left."""

    def then(self, other: "Change") -> "Change":
        """Both at once."""
        return Change(
            self.dx + other.dx, self.dy + other.dy, self.scale * other.scale, self.stretch + other.stretch,
            self.turn + other.turn, self.opacity * other.opacity, self.hue + other.hue, self.light * other.light,
            self.zoom * other.zoom, self.pan + other.pan,
        )


@dataclass(frozen=True)
class Room:
    """How far the subject can go before it leaves the picture, in pixels, at least a little; and to be out of sight."""

    up: float
    down: float
    left: float
    right: float
    beyond_left: float
    beyond_right: float


@dataclass(frozen=True)
class Motion:
    name: str
    period_frames: float
    """At normal speed."""
    phrases: tuple[str, ...]
    """`{s}` is where a verb takes an s: `jump{s} up and down`."""
    change: Callable[[float, Room], Change]
    of_subject: bool = True
    """Whether the subject does it; the camera or the light otherwise, and phrases are whole sentences."""


def there_and_back(u: float) -> float:
    """0 at rest, 1 half a period later."""
    return (1 - math.cos(2 * math.pi * u)) / 2


def wave(u: float) -> float:
    return math.sin(2 * math.pi * u)


def _jump(u: float, room: Room) -> Change:
    v = u % 1
    return Change(dy=-room.up * 4 * v * (1 - v))


def _circle(u: float, room: Room) -> Change:
    radius = min(room.left, room.right, room.down / 2 + 4, 15)
    return Change(dx=radius * wave(u), dy=radius * (1 - math.cos(2 * math.pi * u)))


def _fly_away(distance: float, u: float) -> float:
    return distance * min(1.0, 1.3 * there_and_back(u)) ** 1.5


MOTIONS: tuple[Motion, ...] = (
    Motion("jump", 40, ("jump{s} up and down", "hop{s} up and down", "bounce{s} up and down", "keep{s} jumping",
                        "jump{s} into the air again and again", "jump{s}"), _jump),
    Motion("left", 46, ("slide{s} to the left and come{s} back", "move{s} to the left and return{s}", "go{es} left and back",
                        "move{s} left and come{s} back", "drift{s} to the left and back"),
           lambda u, room: Change(dx=-room.left * there_and_back(u))),
    Motion("right", 46, ("slide{s} to the right and come{s} back", "move{s} to the right and return{s}",
                         "go{es} right and back", "move{s} right and come{s} back", "drift{s} to the right and back"),
           lambda u, room: Change(dx=room.right * there_and_back(u))),
    Motion("down", 46, ("sink{s} down and rise{s} again", "move{s} down and come{s} back up", "drop{s} down and return{s}",
                        "go{es} down and up again"), lambda u, room: Change(dy=room.down * there_and_back(u))),
    Motion("grow", 44, ("grow{s} and shrink{s}", "pulse{s}", "get{s} bigger and smaller", "swell{s} up and shrink{s} again",
                        "grow{s}"), lambda u, _: Change(scale=1 + 0.4 * there_and_back(u))),
    Motion("shrink", 44, ("shrink{s} and grow{s} back", "get{s} smaller and bigger", "become{s} tiny and grow{s} again",
                          "shrink{s}"), lambda u, _: Change(scale=1 - 0.45 * there_and_back(u))),
    Motion("spin", 52, ("spin{s} around", "spin{s}", "turn{s} round and round", "rotate{s} clockwise", "spin{s} to the right"),
           lambda u, _: Change(turn=u)),
    Motion("spin back", 52, ("spin{s} counterclockwise", "rotate{s} counterclockwise", "spin{s} backwards",
                             "turn{s} anticlockwise"), lambda u, _: Change(turn=-u)),
    Motion("rock", 42, ("rock{s} from side to side", "sway{s}", "tilt{s} left and right", "wobble{s} from side to side",
                        "dance{s}"), lambda u, _: Change(turn=0.065 * wave(u))),
    Motion("squash", 34, ("squash{es} and stretch{es}", "wobble{s} like jelly", "squeeze{s} and stretch{es}"),
           lambda u, _: Change(stretch=0.24 * wave(u))),
    Motion("fade", 46, ("fade{s} out and come{s} back", "disappear{s} and come{s} back", "vanish{es} and reappear{s}",
                        "fade{s} away and return{s}"), lambda u, _: Change(opacity=1 - there_and_back(u))),
    Motion("circle", 54, ("fl{ies} in a circle", "move{s} in circles", "circle{s} around", "go{es} round in a circle"), _circle),
    Motion("shake", 42, ("shake{s}", "tremble{s}", "shiver{s}", "vibrate{s}"), lambda u, _: Change(dx=4.5 * wave(3 * u))),
    Motion("away right", 74, ("fl{ies} away to the right and come{s} back", "leave{s} to the right and return{s}",
                              "run{s} off to the right and come{s} back"),
           lambda u, room: Change(dx=_fly_away(room.beyond_right, u))),
    Motion("away left", 74, ("fl{ies} away to the left and come{s} back", "leave{s} to the left and return{s}",
                             "run{s} off to the left and come{s} back"),
           lambda u, room: Change(dx=-_fly_away(room.beyond_left, u))),
    Motion("colours", 64, ("change{s} colours", "cycle{s} through the colours of the rainbow", "change{s} colour",
                           "glow{s} in all colours"), lambda u, _: Change(hue=u)),
    Motion("dark", 58, ("it gets dark and bright again", "the light goes out and comes back", "night falls and the day returns",
                        "the light dims and returns"), lambda u, _: Change(light=1 - 0.7 * there_and_back(u)), of_subject=False),
    Motion("zoom", 60, ("the camera zooms in and out", "the camera moves closer and back", "we zoom in and out again"),
           lambda u, _: Change(zoom=1 + 0.4 * there_and_back(u)), of_subject=False),
    Motion("pan", 64, ("the camera pans to the right and back", "the camera looks to the right and returns",
                       "the view moves to the right and back"), lambda u, _: Change(pan=20 * there_and_back(u)), of_subject=False),
)
"""The 19 motions that captions ask for."""

GENTLE = Motion("gentle", 60, (), lambda u, _: Change(dy=-3 * wave(u), turn=0.012 * wave(u)))
"""What is made of a prompt that asks for none of these."""

BY_NAME = {motion.name: motion for motion in (*MOTIONS, GENTLE)}

COMPOUNDS: tuple[tuple[str, str], ...] = (
    ("jump", "spin"), ("jump", "grow"), ("jump", "squash"), ("jump", "colours"), ("left", "spin"), ("right", "spin"),
    ("left", "rock"), ("right", "rock"), ("right", "grow"), ("left", "shrink"), ("spin", "grow"), ("spin", "shrink"),
    ("spin", "fade"), ("spin", "colours"), ("circle", "spin"), ("circle", "grow"), ("circle", "colours"), ("grow", "colours"),
    ("rock", "grow"), ("away right", "spin"), ("away left", "spin"), ("down", "shrink"), ("jump", "dark"), ("spin", "zoom"),
    ("rock", "pan"), ("grow", "dark"), ("circle", "zoom"),
)
"""Two at once. They share a phase, at the slower period of the two."""


@dataclass(frozen=True)
class Speed:
    name: str
    factor: float
    """Of the period."""
    words: tuple[str, ...]


SPEEDS = (
    Speed("normal", 1.0, ("",)),
    Speed("slow", 1.6, (" slowly", " very slowly", " in slow motion")),
    Speed("fast", 0.68, (" quickly", " fast", " very fast")),
)


def period_of(names: tuple[str, ...], speed: Speed) -> float:
    """In frames."""
    return speed.factor * max(BY_NAME[name].period_frames for name in names)


def change_of(names: tuple[str, ...], phase: float, room: Room) -> Change:
    """Of all motions of a clip at once, at @phase periods from rest."""
    total = Change()
    for name in names:
        total = total.then(BY_NAME[name].change(phase, room))
    return replace(total, scale=min(total.scale, 1.6))
