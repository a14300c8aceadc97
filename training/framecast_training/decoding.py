"""
Latents of section after section → frames, of many videos at once, as framecast's engine decodes (`src/engine/vae_tiling.ts`,
`sampling/stitch.ts`): in tiles that overlap in time, and sections that are blended over the frames they share. Pictures of
up to 256 pixels a side, which are not cut in space.
"""

import torch
from torch import Tensor

from .packing import WINDOW, Schedule
from .vae import Autoencoder

TILE, STRIDE = 5, 3
"""Latent frames of a tile, and from one to the next (diffusers 0.33.1, `AutoencoderKLHunyuanVideo`)."""
KEPT, FADED = 12, 4
"""Frames kept of a tile, and those over which it fades in."""
SHARED = 4 * WINDOW - 3
"""Frames that two sections have in common."""


class SectionDecoder:
    """Knows what the section before left: frames that the next one is blended with, and tiles that come again unchanged."""

    def __init__(self, vae: Autoencoder, schedule: Schedule, batch: int):
        """@batch tiles that are decoded at once"""
        self.vae, self.schedule, self.batch = vae, schedule, batch
        self.pending: Tensor | None = None
        self.known: list[tuple[Tensor, Tensor]] = []

    def final(self, latents: Tensor, is_last: bool) -> Tensor:
        """
        Frames that no later section changes [videos, 3, frames, height, width] around [−1, 1].
        @latents of the section and its neighbour, in the order of the timeline [videos, 16, frames, height, width]
        """
        frames, pending = self.tiled(latents), self.pending
        falling = torch.linspace(1, 0, SHARED)
        if pending is not None and self.schedule == "forward":
            frames[:, :, :SHARED] = faded(pending, frames, falling)
        elif pending is not None:
            frames[:, :, -SHARED:] = faded(frames, pending, falling)
        if is_last:
            return frames
        if self.schedule == "forward":
            final, self.pending = frames[:, :, :-SHARED], frames[:, :, -SHARED:]
        else:
            self.pending, final = frames[:, :, :SHARED], frames[:, :, SHARED:]
        return final

    def tiled(self, latents: Tensor) -> Tensor:
        """4 n − 3 frames of n latent frames"""
        falling = 1 - torch.arange(FADED) / FADED
        kept, before, decoded = [], None, []
        for start in range(0, latents.shape[2] - 1, STRIDE):  # one latent frame alone would add none
            tile = latents[:, :, start:start + TILE]
            pixels = self.pixels(tile)
            decoded.append((tile, pixels))
            if before is not None:
                pixels = torch.cat((faded(before, pixels[:, :, 1:], falling), pixels[:, :, 1 + FADED:]), 2)
            kept.append(pixels[:, :, :KEPT + (before is None)])
            before = pixels
        self.known = decoded
        return torch.cat(kept, 2)

    def pixels(self, tile: Tensor) -> Tensor:
        for latents, pixels in self.known:
            if latents.shape == tile.shape and torch.equal(latents, tile):
                return pixels
        return torch.cat([self.vae.decode(some) for some in tile.split(self.batch)])


def faded(first: Tensor, second: Tensor, falling: Tensor) -> Tensor:
    """The last frames of @first going over into the first ones of @second. @falling weights of @first"""
    weight = falling.to(first.device).view(-1, 1, 1)
    count = len(falling)
    return first[:, :, -count:] * weight + second[:, :, :count] * (1 - weight)


def levels(frames: Tensor) -> Tensor:
    """[videos, 3, frames, height, width] around [−1, 1] → uint8 [videos, frames, 3, height, width], cut off, not rounded"""
    return (frames.clamp(-1, 1) * 127.5 + 127.5).to(torch.uint8).transpose(1, 2)
