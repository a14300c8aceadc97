"""Rotations of the tokens: a table for each group of the packed history (FramePack, arXiv 2504.12626, section 3.1)."""

import torch
from torch import Tensor

from .transformer import Places, TransformerShape


def rotary_table(
    shape: TransformerShape, places: Places, height: int, width: int, device: torch.device | None = None,
) -> tuple[Tensor, Tensor]:
    """
    Cosines and sines [tokens, head_dim / 2] of [4× | 2× | 1× | window].
    @height @width in latent pixels
    """
    groups = ((places.clean4x, 4), (places.clean2x, 2), (places.clean1x, 1), (places.noisy, 1))
    parts = [_pooled_rotations(shape, frames, height // 2, width // 2, pool) for frames, pool in groups if frames]
    cos, sin = (torch.cat(part).to(device) for part in zip(*parts))
    return cos, sin


def _pooled_rotations(shape: TransformerShape, frames: tuple[int, ...], rows: int, columns: int, pool: int):
    axes = []
    for positions, channels in zip((torch.tensor(frames), torch.arange(rows), torch.arange(columns)), shape.rope_axes):
        frequencies = shape.rope_theta ** (-torch.arange(0, channels, 2).float() / channels)
        padded = torch.cat((positions, positions[-1:].expand(-len(positions) % pool))).float()
        angles = padded[:, None] * frequencies
        axes.append([f(angles).unflatten(0, (-1, pool)).mean(1) for f in (torch.cos, torch.sin)])
    return [_grid(axes[0][i], axes[1][i], axes[2][i]) for i in (0, 1)]


def _grid(time: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    size = (len(time), len(rows), len(columns))
    return torch.cat((
        time[:, None, None].expand(*size, -1), rows[None, :, None].expand(*size, -1), columns[None, None].expand(*size, -1),
    ), -1).flatten(0, 2)
