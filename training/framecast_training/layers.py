"""What the transformer's blocks are made of."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Mlp2(nn.Module):
    def __init__(self, inner: int, out: int):
        super().__init__()
        self.linear_1 = nn.Linear(inner, out)
        self.linear_2 = nn.Linear(out, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(x)))


def sinusoid(values: Tensor, channels: int = 256) -> Tensor:
    """[batch] → [batch, channels], cosines first."""
    half = channels // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, device=values.device, dtype=torch.float32) / half)
    angles = values.float()[:, None] * frequencies
    return torch.cat((angles.cos(), angles.sin()), -1)


class GeluMlp(nn.Module):
    """`ff`: net.0.proj, GELU, net.2."""

    def __init__(self, width: int, inner: int, silu: bool = False):
        super().__init__()
        first = nn.Module()
        first.proj = nn.Linear(width, inner)
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(inner, width)])
        self.silu = silu

    def forward(self, x: Tensor) -> Tensor:
        y = self.net[0].proj(x)
        return self.net[2](F.silu(y) if self.silu else F.gelu(y, approximate="tanh"))


def split_heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """[batch, heads, tokens, head_dim] → [batch, tokens, width]"""
    if q.device.type == "cpu" and q.requires_grad:
        # Twice as fast here as the fused operator, whose backward pass is slow on a CPU.
        attended = torch.softmax((q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2), -1) @ v
    else:
        attended = F.scaled_dot_product_attention(q, k, v)
    return attended.transpose(1, 2).flatten(2)


class RmsNorm(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = x.float()
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-6)
        return (y * self.weight).to(x.dtype)


def rotate(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """Interleaved pairs. @x [batch, heads, tokens, head_dim] @rope cos and sin [tokens, head_dim / 2]"""
    cos, sin = rope
    first, second = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((first * cos - second * sin, first * sin + second * cos), -1).flatten(-2).to(x.dtype)


def normed(x: Tensor) -> Tensor:
    return F.layer_norm(x, (x.shape[-1],), eps=1e-6)


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return normed(x) * (1 + scale) + shift


class AdaNorm(nn.Module):
    def __init__(self, width: int, vectors: int):
        super().__init__()
        self.linear = nn.Linear(width, vectors * width)
        self.vectors = vectors

    def forward(self, condition: Tensor) -> tuple[Tensor, ...]:
        return self.linear(F.silu(condition)).unsqueeze(1).chunk(self.vectors, -1)


def patches(conv: nn.Conv3d, latents: Tensor) -> Tensor:
    """A convolution whose kernel is its stride, as one product: latents, edges repeated to whole patches → tokens."""
    time, rows, columns = conv.kernel_size
    _, _, frames, height, width = latents.shape
    pad = (-width % columns, -height % rows, -frames % time)
    if any(pad):
        latents = F.pad(latents, (0, pad[0], 0, pad[1], 0, pad[2]), mode="replicate")
    x = latents.unflatten(4, (-1, columns)).unflatten(3, (-1, rows)).unflatten(2, (-1, time))
    x = x.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).flatten(1, 3)
    return F.linear(x, conv.weight.flatten(1), conv.bias)
