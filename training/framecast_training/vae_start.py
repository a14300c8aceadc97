"""Where the autoencoder's training starts: a network that halves pictures by averaging and doubles them smoothly.

Colours go through all levels along the residual paths, beside a constant channel that keeps GroupNorm from rescaling them,
and pass the last SiLU as pairs, since silu(x) − silu(−x) = x. From here the loss falls at once; from the usual random
start a network this narrow spends its first thousand steps on finding colours.
"""

import torch
from torch import Tensor, nn

from .vae import SCALING_FACTOR, Autoencoder, CausalConv, CausalDownsample, CausalUpsample, ResnetBlock

CONSTANT = 2.0
CONSTANT_CHANNEL = 6
LATENT_GAIN = 2.0
"""Colours in [−1, 1] become latents of about unit variance."""


@torch.no_grad()
def start_from_averaging(model: Autoencoder) -> None:
    for module in model.modules():
        if isinstance(module, ResnetBlock):
            module.conv2.conv.weight *= 0.1
            module.conv2.conv.bias.zero_()
            # Or each of its many taps would be a bias, and one step of the optimizer a change of all colours.
            module.norm1.weight[CONSTANT_CHANNEL] = 0
            if module.conv_shortcut is not None:
                _pass_on(module.conv_shortcut.conv, spread=0.3)
        elif isinstance(module, CausalDownsample):
            _pass_on(module.conv.conv, rows=(0, 0.5, 0.5), times=_times(module.conv, (0, 0.5, 0.5)))
        elif isinstance(module, CausalUpsample):
            _pass_on(module.conv.conv, rows=(0.25, 0.5, 0.25))
    for attention in (*model.encoder.mid_block.attentions, *model.decoder.mid_block.attentions):
        attention.to_out[0].weight.zero_()
        attention.to_out[0].bias.zero_()
    for conv in (model.encoder.conv_in, model.decoder.conv_in):
        _split_signs(conv.conv)
    for norm, conv in ((model.encoder.conv_norm_out, model.encoder.conv_out), (model.decoder.conv_norm_out, model.decoder.conv_out)):
        _undo_norm(norm)
        _join_signs(conv.conv)
    _colours(model.quant_conv, LATENT_GAIN)
    _colours(model.post_quant_conv, 1 / LATENT_GAIN)
    latent = model.shape.latent_channels
    model.quant_conv.weight[latent:] = 0
    model.quant_conv.bias[latent:] = -8.0


def _times(conv: CausalConv, taps: tuple[float, ...]) -> tuple[float, ...]:
    return taps if conv.conv.stride[0] == 2 else (0, 0, 1)


def _pass_on(conv: nn.Conv3d, rows=(0, 1, 0), times=(0, 0, 1), spread: float = 0.3) -> None:
    """Each channel to itself, through taps in time and, alike, in rows and columns; the rest of the kernel small."""
    conv.weight *= spread
    conv.bias.zero_()
    out, inner, *kernel = conv.weight.shape
    same = min(out, inner)
    taps = torch.ones(1, 1, 1) if kernel[0] == 1 else torch.einsum(
        "t,y,x->tyx", torch.tensor(times, dtype=torch.float), torch.tensor(rows, dtype=torch.float),
        torch.tensor(rows, dtype=torch.float))
    colours = min(same, CONSTANT_CHANNEL + 1)
    conv.weight[:colours] = 0
    for channel in range(same):
        if channel >= colours:
            conv.weight[channel, channel] += taps
        else:
            conv.weight[channel, channel] = taps


def _split_signs(conv: nn.Conv3d) -> None:
    """The first three inputs to pairs (+, −), and a constant."""
    conv.weight[:7] = 0
    conv.bias[:7] = 0
    for colour in range(3):
        conv.weight[colour, colour, -1, 1, 1] = 1
        conv.weight[3 + colour, colour, -1, 1, 1] = -1
    conv.bias[CONSTANT_CHANNEL] = CONSTANT


def _undo_norm(norm: nn.GroupNorm) -> None:
    """GroupNorm over channels of which the constant one is by far the largest."""
    share = 1 / norm.num_channels
    norm.weight.fill_(CONSTANT * (share * (1 - share)) ** 0.5)
    norm.bias.fill_(CONSTANT * share)


def _join_signs(conv: nn.Conv3d) -> None:
    conv.weight[:3] = 0
    conv.bias[:3] = 0
    for colour in range(3):
        conv.weight[colour, colour, -1, 1, 1] = 1
        conv.weight[colour, 3 + colour, -1, 1, 1] = -1


def _colours(conv: nn.Conv3d, gain: float) -> None:
    conv.weight[:3] = 0
    conv.bias[:3] = 0
    for colour in range(3):
        conv.weight[colour, colour] = gain


def channel_statistics(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel. @latents [batch, 16, frames, height, width]"""
    flat = latents.transpose(0, 1).flatten(1)
    return flat.mean(1), flat.std(1)


@torch.no_grad()
def centre_latents(weights: dict[str, Tensor], mean: Tensor, scale: float, channels: int = 16) -> None:
    """
    Folds a shift of each channel and one factor for all into `quant_conv` and `post_quant_conv`, so that scaled latents
    have mean 0 and, over all channels, deviation 1. One factor, because weak channels carry little and stay weak.
    """
    shift = mean / SCALING_FACTOR
    weights["quant_conv.weight"][:channels] /= scale
    weights["quant_conv.bias"][:channels] = (weights["quant_conv.bias"][:channels] - shift) / scale
    kernel = weights["post_quant_conv.weight"]
    weights["post_quant_conv.bias"] += (kernel.flatten(1) * shift).sum(1)
    kernel *= scale


@torch.no_grad()
def channel_weights(model: Autoencoder, latents: Tensor, least: float = 0.4, most: float = 3.0) -> Tensor:
    """
    How much an error of each latent channel shows: the root of what unit noise in it changes in the decoded pixels, 1 on
    average. @latents scaled [1, 16, frames, height, width]
    """
    plain = model.decode(latents)
    shown = []
    for channel in range(latents.shape[1]):
        changed = latents.clone()
        changed[:, channel] += torch.randn(changed[:, channel].shape, generator=torch.Generator().manual_seed(channel))
        shown.append((model.decode(changed) - plain).square().mean())
    weights = torch.stack(shown).sqrt()
    weights = (weights / weights.mean()).clamp(least, most)
    return weights / weights.mean()
