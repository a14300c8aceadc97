"""What a section sees: FramePack's section plans and history groups, for training and for sampling.

FramePack 97fe5db, `worker()` of `demo_gradio.py` (inverted) and `demo_gradio_f1.py` (forward). The server has the same rules
in TypeScript (`src/engine/sampling/section_plan.ts`, `history.ts`); both are held to the recorded plans in
`tests/golden/cases/section_plan`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .transformer import History, Places

Schedule = Literal["inverted", "forward"]

WINDOW = 9
GROUPS = (1, 2, 16)
"""Latent frames of history at full, half and quarter resolution."""
CONTEXT = sum(GROUPS)


def section_count(seconds: float, window: int = WINDOW) -> int:
    """Python's rounding: a tie goes to the even number."""
    return max(round(seconds * 30 / (window * 4)), 1)


def latent_paddings(sections: int) -> list[int]:
    """Windows between start frame and section, in making order of the inverted schedule."""
    if sections <= 4:
        return list(range(sections - 1, -1, -1))
    return [3] + [2] * (sections - 3) + [1, 0]


def places(schedule: Schedule, padding: int | None = None, window: int = WINDOW) -> Places:
    """Positions on the time axis, handed out as [start | padding | window | 1× | 2× | 4×] or [start | 4× | 2× | 1× | window]."""
    near, middle, far = GROUPS
    if schedule == "forward":
        at = [0, 1, 1 + far, 1 + far + middle, 1 + far + middle + near]
        return Places(_run(at[4], window), (0, at[3]), _run(at[2], middle), _run(at[1], far))
    first = 1 + (padding or 0) * window
    at = first + window
    return Places(_run(first, window), (0, at), _run(at + near, middle), _run(at + near + middle, far))


def _run(first: int, count: int) -> tuple[int, ...]:
    return tuple(range(first, first + count))


def context_indices(schedule: Schedule, available: int) -> list[int | None]:
    """
    Which of @available latent frames, in the order of the timeline, are the 19 that a section sees, in that order too. None is a
    frame of zeros.
    """
    if schedule == "inverted":
        return [i if i < available else None for i in range(CONTEXT)]
    return [i if i >= 0 else None for i in range(available - CONTEXT, available)]


def grouped(schedule: Schedule, start: Tensor, context: Tensor) -> History:
    """
    @start [batch, 16, 1, height, width]
    @context the 19 frames in the order of the timeline [batch, 16, 19, height, width]
    """
    near, middle, far = GROUPS
    if schedule == "inverted":
        one, two, four = context.split((near, middle, far), 2)
    else:
        four, two, one = context.split((far, middle, near), 2)
    return History(torch.cat((start, one), 2), two, four)


@dataclass(frozen=True)
class WindowPlace:
    """A window of a clip's latent frames to train on, and what of the clip is its history."""

    schedule: Schedule
    padding: int | None
    window_start: int
    history_start: int
    history_end: int
    """Half-open, in latent frames of the clip; whatever lacks of 19 is zeros."""

    @property
    def is_first(self) -> bool:
        """Made first: nothing but the start frame is known."""
        return self.history_end - self.history_start <= (1 if self.schedule == "forward" else 0)

    def window_frames(self) -> range:
        """Of the clip's latent frames, the 9 to be made."""
        return range(self.window_start, self.window_start + WINDOW)

    def context_frames(self) -> list[int | None]:
        """Of the clip's latent frames, the 19 that are its history; None is a frame of zeros."""
        indices = context_indices(self.schedule, self.history_end - self.history_start)
        return [None if index is None else self.history_start + index for index in indices]


def context_of(latents: Tensor, place: WindowPlace) -> Tensor:
    """The 19 frames of history [16, 19, height, width]. @latents [16, frames, height, width]"""
    context = latents.new_zeros(latents.shape[0], CONTEXT, *latents.shape[2:])
    for to, frame in enumerate(place.context_frames()):
        if frame is not None:
            context[:, to] = latents[:, frame]
    return context
