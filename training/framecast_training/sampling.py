"""
Whole videos of a published model folder by the networks of this package, many at once, on any device: what framecast's engine
makes of the same picture, prompt and seed (`src/engine/generate.ts`, which is FramePack 97fe5db, `worker()` of both demos).

As there, what enters the transformer is rounded to bfloat16 and computed with in float32.
"""

import json
from collections import defaultdict
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from .decoding import SectionDecoder, levels
from .packing import CONTEXT, WINDOW, Schedule, grouped, latent_paddings, places, section_count
from .rotary import rotary_table
from .texts import Encoders, Texts
from .train_transformer import conditions_of, flow_shift, weights_to_begin_with
from .train_vae import published_weights, unit_range
from .transformer import Conditions, FramePackTransformer, History, TransformerShape
from .unipc import sample, sigma_schedule
from .vae import Autoencoder, VaeShape

Precision = Literal["float32", "bfloat16"]
BATCH = 64
"""Samples, or tiles of the decoder, that are computed at once; more takes more memory."""


@dataclass(frozen=True)
class Networks:
    transformer: FramePackTransformer
    encoders: Encoders
    vae: Autoencoder
    texts: Texts
    steps: int
    """Of each section, where nothing else is asked for."""
    precision: Precision

    @property
    def device(self) -> torch.device:
        return next(self.transformer.parameters()).device

    def products(self) -> AbstractContextManager:
        """The transformer's in bfloat16, where that is wanted."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bfloat16" else nullcontext()


def load_networks(model: Path, device: torch.device | str, precision: Precision = "float32") -> Networks:
    """@precision bfloat16: of the transformer's products, and convolutions in TF32. Other frames, of the same kind"""
    config = {part: json.loads((model / part / "config.json").read_text()) for part in ("transformer", "vae")}
    texts, vae = Texts(model), Autoencoder(VaeShape(tuple(config["vae"]["block_out_channels"])))
    vae.load_state_dict(published_weights(model))
    both = nn.ModuleDict({
        "transformer": FramePackTransformer(shape_of(config["transformer"])), "encoders": Encoders(len(texts.clip))})
    both.load_state_dict(weights_to_begin_with(Path(), str(model)))
    for module in (vae, both):
        module.eval().requires_grad_(False).to(device)
    steps = json.loads((model / "framecast.json").read_text())["default_steps"]
    return Networks(both["transformer"], both["encoders"], vae, texts, steps, precision)


def shape_of(config: dict) -> TransformerShape:
    """@config `transformer/config.json`"""
    return TransformerShape(
        config["num_attention_heads"], config["attention_head_dim"], config["num_layers"], config["num_single_layers"],
        config["num_refiner_layers"], tuple(config["rope_axes_dim"]), config["text_embed_dim"],
        config["pooled_projection_dim"], config["image_proj_dim"], config["mlp_ratio"], config["rope_theta"])


@torch.no_grad()
def make_videos(
    networks: Networks, pictures: list[Tensor], prompts: list[str], seeds: list[int], seconds: float, schedule: Schedule,
    steps: int | None = None, batch: int = BATCH,
) -> list[Tensor]:
    """
    Videos uint8 [frames, 3, height, width], in the order of what was asked for.
    @pictures uint8 [3, height, width], all of one size
    """
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=networks.precision == "bfloat16"):
        start = start_latents(networks.vae, torch.stack(pictures).to(networks.device), batch)
        groups = groups_of(networks, pictures, prompts, batch)
        sampler = SectionSampler(networks, groups, seeds, schedule, steps or networks.steps)
        decoder = SectionDecoder(networks.vae, schedule, batch)
        history = start if schedule == "forward" else start[:, :, :0]
        parts, sections = [], section_count(seconds)
        for number, padding in enumerate(latent_paddings(sections)):
            is_last = number == sections - 1
            window = sampler.window(start, history, padding)
            history, decoded = extended(schedule, start, history, window, is_last)
            parts.append(levels(decoder.final(decoded, is_last)).cpu())
    return list(torch.cat(parts if schedule == "forward" else parts[::-1], 1))


def start_latents(vae: Autoencoder, pictures: Tensor, batch: int) -> Tensor:
    """[videos, 16, 1, height / 8, width / 8]"""
    return torch.cat([vae.encode(unit_range(some).unsqueeze(2)) for some in pictures.split(batch)])


def extended(
    schedule: Schedule, start: Tensor, history: Tensor, window: Tensor, is_last: bool,
) -> tuple[Tensor, Tensor]:
    """The latent frames that later sections see, with this one's, and those that are decoded: this section and its neighbour."""
    if schedule == "forward":
        history = torch.cat((history, window), 2)[:, :, -CONTEXT:]
        return history, history[:, :, -2 * WINDOW:]
    history = torch.cat(((start, window, history) if is_last else (window, history)), 2)[:, :, :CONTEXT]
    return history, history[:, :, :2 * WINDOW + is_last]


Group = tuple[Tensor, Conditions]
"""Samples that the transformer takes at once, by their numbers: their captions have equally many tokens."""


def groups_of(networks: Networks, pictures: list[Tensor], prompts: list[str], batch: int) -> list[Group]:
    texts, device, groups = networks.texts, networks.device, []
    numbers = defaultdict(list)
    for number, prompt in enumerate(prompts):
        numbers[len(texts.llama_ids(prompt))].append(number)
    for alike in numbers.values():
        for rows in (alike[first:first + batch] for first in range(0, len(alike), batch)):
            ids = (torch.tensor([read(prompts[i]) for i in rows], device=device) for read in (texts.llama_ids, texts.clip_ids))
            seen = torch.stack([siglip_picture(pictures[i]) for i in rows]).to(device)
            whole = conditions_of(networks.encoders, texts.crop, *ids, seen)
            conditions = Conditions(rounded(whole.text), rounded(whole.pooled), rounded(whole.image), whole.guidance)
            groups.append((torch.tensor(rows, device=device), conditions))
    return groups


def siglip_picture(picture: Tensor) -> Tensor:
    """At the encoder's size, resampled in 8 bits as Pillow and the engine do it. @picture uint8 [3, height, width]"""
    image = Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy())
    small = torch.frombuffer(bytearray(image.resize((64, 64), Image.Resampling.BICUBIC).tobytes()), dtype=torch.uint8)
    return small.view(64, 64, 3).permute(2, 0, 1)


class SectionSampler:
    """Each section's noise follows that of the one before it, from a generator for every video."""

    def __init__(self, networks: Networks, groups: list[Group], seeds: list[int], schedule: Schedule, steps: int):
        self.networks, self.groups, self.schedule, self.steps = networks, groups, schedule, steps
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def window(self, start: Tensor, history: Tensor, padding: int) -> Tensor:
        """
        The latents of a section [videos, 16, 9, height, width].
        @history latent frames made so far, in the order of the timeline
        """
        channels, _, height, width = start.shape[1:]
        noise = torch.stack([torch.randn(channels, WINDOW, height, width, generator=one) for one in self.generators])
        sigmas = sigma_schedule(self.steps, flow_shift(WINDOW * (height // 2) * (width // 2)))
        missing = CONTEXT - history.shape[2]
        context = F.pad(history, (0, 0, 0, 0, *((missing, 0) if self.schedule == "forward" else (0, missing))))
        rope = rotary_table(
            self.networks.transformer.shape, places(self.schedule, padding), height, width, self.networks.device)
        window = noise.to(start.device)
        for rows, conditions in self.groups:
            seen = grouped(self.schedule, rounded(start[rows]), rounded(context[rows]))
            window[rows] = self.denoised(window[rows], sigmas, conditions, seen, rope)
        return window

    def denoised(
        self, noise: Tensor, sigmas: Tensor, conditions: Conditions, history: History, rope: tuple[Tensor, Tensor],
    ) -> Tensor:
        def at(state: Tensor, sigma: float) -> Tensor:
            seen = rounded(state)
            timestep = rounded(torch.full((len(state),), 1000 * sigma, device=state.device))
            with self.networks.products():
                velocity = self.networks.transformer(seen, timestep, conditions, history, rope)
            return seen - sigma * velocity.float()

        return sample(at, noise, sigmas)


def rounded(x: Tensor) -> Tensor:
    """To bfloat16 and back, as everything is that enters the transformer."""
    return x.bfloat16().float()
