"""HunyuanVideo's autoencoder, written for training on a CPU.

Same tensors under the same names as diffusers' `AutoencoderKLHunyuanVideo` (a test holds the two equal), with two
differences in how it is computed: activations stay channels-last, and a clip of one frame runs as a two-dimensional
network, because under the causal edge padding every tap of a kernel in time sees that one frame. So the autoencoder
learns what pictures look like at a ninth of the price, before it learns how they move.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALING_FACTOR = 0.476986
"""Latents enter the transformer multiplied by this (HunyuanVideo's `vae/config.json`)."""


@dataclass(frozen=True)
class VaeShape:
    channels: tuple[int, ...] = (16, 16, 32, 64)
    """Of each level, from full resolution to 1/8."""
    layers_per_block: int = 2
    latent_channels: int = 16
    norm_groups: int = 1

    def config(self) -> dict:
        """`vae/config.json`"""
        levels = len(self.channels)
        return {
            "_class_name": "AutoencoderKLHunyuanVideo",
            "_diffusers_version": "0.35.2",
            "act_fn": "silu",
            "block_out_channels": list(self.channels),
            "down_block_types": ["HunyuanVideoDownBlock3D"] * levels,
            "in_channels": 3,
            "latent_channels": self.latent_channels,
            "layers_per_block": self.layers_per_block,
            "mid_block_add_attention": True,
            "norm_num_groups": self.norm_groups,
            "out_channels": 3,
            "scaling_factor": SCALING_FACTOR,
            "spatial_compression_ratio": 8,
            "temporal_compression_ratio": 4,
            "up_block_types": ["HunyuanVideoUpBlock3D"] * levels,
        }


class CausalConv(nn.Module):
    """Convolution that sees the past only; edges are repeated. `x` [batch, in, frames, height, width]"""

    def __init__(self, inner: int, out: int, kernel: int = 3, stride: tuple[int, int, int] = (1, 1, 1)):
        super().__init__()
        self.conv = nn.Conv3d(inner, out, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.conv.kernel_size[0]
        side = kernel // 2
        if side:
            x = _repeat_edges(_repeat_edges(x, 4, side), 3, side)
        if x.shape[2] == 1:
            y = F.conv2d(x[:, :, 0], self.conv.weight.sum(2), self.conv.bias, self.conv.stride[1:])
            return y.unsqueeze(2)
        if side:
            x = torch.cat((x[:, :, :1],) * (kernel - 1) + (x,), 2)
        return self.conv(x)


def _repeat_edges(x: Tensor, axis: int, by: int) -> Tensor:
    """As `F.pad` in mode `replicate`, in operations that a compiler can fuse."""
    first, last = x.narrow(axis, 0, 1), x.narrow(axis, x.shape[axis] - 1, 1)
    return torch.cat((first,) * by + (x,) + (last,) * by, axis)


def activated(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    """SiLU of a norm. On a GPU in the precision of @x, where autocast would take float32, and twice the memory's time."""
    if not x.is_cuda:
        return F.silu(norm(x))
    with torch.autocast("cuda", enabled=False):
        weight, bias = norm.weight.to(x.dtype), norm.bias.to(x.dtype)
        return F.silu(F.group_norm(x, norm.num_groups, weight, bias, norm.eps))


class ResnetBlock(nn.Module):
    def __init__(self, inner: int, out: int, groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inner, eps=1e-6)
        self.conv1 = CausalConv(inner, out)
        self.norm2 = nn.GroupNorm(groups, out, eps=1e-6)
        self.conv2 = CausalConv(out, out)
        self.conv_shortcut = CausalConv(inner, out, kernel=1) if inner != out else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(activated(self.norm1, x))
        y = self.conv2(activated(self.norm2, y))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    """One head over all pixels of all frames up to a pixel's own."""

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        _, _, frames, height, width = x.shape
        y = self.group_norm(x).flatten(2).transpose(1, 2)
        at = torch.arange(frames, device=x.device).repeat_interleave(height * width)
        seen = at[:, None] >= at[None, :] if frames > 1 else None
        y = F.scaled_dot_product_attention(self.to_q(y), self.to_k(y), self.to_v(y), attn_mask=seen)
        return x + self.to_out[0](y).transpose(1, 2).unflatten(2, (frames, height, width))


class MidBlock(nn.Module):
    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(channels, channels, groups) for _ in range(2)])
        self.attentions = nn.ModuleList([Attention(channels, groups)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class DownBlock(nn.Module):
    def __init__(self, inner: int, out: int, layers: int, groups: int, stride: tuple[int, int, int] | None):
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(inner if i == 0 else out, out, groups) for i in range(layers)])
        if stride:
            self.downsamplers = nn.ModuleList([CausalDownsample(out, stride)])

    def forward(self, x: Tensor) -> Tensor:
        for resnet in self.resnets:
            x = resnet(x)
        return self.downsamplers[0](x) if hasattr(self, "downsamplers") else x


class CausalDownsample(nn.Module):
    def __init__(self, channels: int, stride: tuple[int, int, int]):
        super().__init__()
        self.conv = CausalConv(channels, channels, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class CausalUpsample(nn.Module):
    """Nearest neighbour, then a convolution. The first frame is not doubled in time."""

    def __init__(self, channels: int, factor: tuple[int, int, int]):
        super().__init__()
        self.factor = factor
        self.conv = CausalConv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        time, rows, columns = self.factor
        if time > 1 and x.shape[2] > 1:
            x = torch.cat((x[:, :, :1], x[:, :, 1:].repeat_interleave(time, 2)), 2)
        batch, channels, frames, height, width = x.shape
        x = x[:, :, :, :, None, :, None].expand(-1, -1, -1, -1, rows, -1, columns)
        x = x.reshape(batch, channels, frames, height * rows, width * columns)
        return self.conv(x.contiguous(memory_format=torch.channels_last_3d))


class UpBlock(nn.Module):
    def __init__(self, inner: int, out: int, layers: int, groups: int, factor: tuple[int, int, int] | None):
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(inner if i == 0 else out, out, groups) for i in range(layers)])
        if factor:
            self.upsamplers = nn.ModuleList([CausalUpsample(out, factor)])

    def forward(self, x: Tensor) -> Tensor:
        for resnet in self.resnets:
            x = resnet(x)
        return self.upsamplers[0](x) if hasattr(self, "upsamplers") else x


def _strides(levels: int) -> list[tuple[int, int, int] | None]:
    """Of each encoder level: 8 × in space over the first three, 4 × in time over the second and third."""
    return [(2 if level >= levels - 3 else 1, 2, 2) if level < 3 else None for level in range(levels)]


class Encoder(nn.Module):
    def __init__(self, shape: VaeShape):
        super().__init__()
        channels, groups = shape.channels, shape.norm_groups
        self.conv_in = CausalConv(3, channels[0])
        inner = (channels[0], *channels[:-1])
        self.down_blocks = nn.ModuleList([
            DownBlock(i, out, shape.layers_per_block, groups, stride)
            for i, out, stride in zip(inner, channels, _strides(len(channels)))
        ])
        self.mid_block = MidBlock(channels[-1], groups)
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], eps=1e-6)
        self.conv_out = CausalConv(channels[-1], 2 * shape.latent_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(activated(self.conv_norm_out, self.mid_block(x)))


class Decoder(nn.Module):
    def __init__(self, shape: VaeShape):
        super().__init__()
        channels, groups = shape.channels[::-1], shape.norm_groups
        self.conv_in = CausalConv(shape.latent_channels, channels[0])
        self.mid_block = MidBlock(channels[0], groups)
        inner = (channels[0], *channels[:-1])
        factors = [(2 if level >= len(channels) - 3 else 1, 2, 2) if level < 3 else None for level in range(len(channels))]
        self.up_blocks = nn.ModuleList([
            UpBlock(i, out, shape.layers_per_block + 1, groups, factor)
            for i, out, factor in zip(inner, channels, factors)
        ])
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], eps=1e-6)
        self.conv_out = CausalConv(channels[-1], 3)

    def forward(self, z: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(activated(self.conv_norm_out, x))


class Autoencoder(nn.Module):
    """Clips [batch, 3, 4n + 1, height, width] in [−1, 1] ↔ latents [batch, 16, n + 1, height / 8, width / 8]."""

    def __init__(self, shape: VaeShape):
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)
        self.quant_conv = nn.Conv3d(2 * shape.latent_channels, 2 * shape.latent_channels, 1)
        self.post_quant_conv = nn.Conv3d(shape.latent_channels, shape.latent_channels, 1)

    def moments(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the posterior, unscaled."""
        return self.quant_conv(self.encoder(clip)).chunk(2, 1)

    def encode(self, clip: Tensor) -> Tensor:
        """Mode of the posterior, scaled as the transformer sees it."""
        return self.moments(clip)[0] * SCALING_FACTOR

    def decode(self, latents: Tensor) -> Tensor:
        """@latents scaled"""
        return self.decoder(self.post_quant_conv(latents / SCALING_FACTOR))
