"""
`python -m framecast_training.ablation [--config FILE] [--clips N]`: what words and the past are worth to a trained network.

On clips of subjects and backgrounds it never saw: the error of the velocity it predicts, at three noise levels, channels
weighted by what they show (as in training), with the clip's own condition, without it, and with another clip's. Sections
made first are told by their words alone; for later ones words are the clip's own throughout, and the past is what changes.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from .__main__ import HERE, Training
from .configuration import read_configuration
from .clips import draw_clip
from .packing import WINDOW, WindowPlace, context_of, grouped, places
from .pool import PooledClip, draw_of_family, encode_clips
from .rotary import rotary_table
from .texts import Encoders, Texts
from .train_transformer import conditions_of, weights_to_begin_with
from .transformer import FramePackTransformer, TransformerShape
from .vae import Autoencoder

SIGMAS = (0.95, 0.8, 0.5)
SEED = 40_000

Variants = dict[str, tuple[str, torch.Tensor]]
"""Prompt and past, by what they are."""


class Ablation:
    def __init__(self, training: Training, weights: dict[str, torch.Tensor]):
        settings = training.settings
        self.book, self.domain = training.book, settings["domain"]
        self.vae = Autoencoder(training.shape).eval()
        self.vae.load_state_dict(training.vae_weights())
        self.channel_weights = torch.load(training.work / "channel_weights.pt").view(1, -1, 1, 1, 1)
        self.texts = Texts(training.work / "model")
        self.model = FramePackTransformer(TransformerShape(**settings["transformer"].get("shape", {}))).eval()
        self.encoders = Encoders(len(self.texts.clip)).eval()
        modules = torch.nn.ModuleDict({"transformer": self.model, "encoders": self.encoders})
        modules.load_state_dict(weights, strict=False)

    def clips(self, family: str, count: int) -> list[PooledClip]:
        rng = np.random.default_rng((SEED, len(family), count))
        specs = (draw_clip(self.book, rng, held_out=True, domain=self.domain) for _ in range(count))
        return encode_clips(self.vae, [draw_of_family(spec, family, rng) for spec in specs])

    @torch.no_grad()
    def error(self, clip: PooledClip, place: WindowPlace, prompt: str, past: torch.Tensor, sigma: float) -> float:
        clean = clip.latents[:, place.window_start:place.window_start + WINDOW].float()[None]
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(SEED))
        ids = (torch.tensor([ids]) for ids in (self.texts.llama_ids(prompt), self.texts.clip_ids(prompt)))
        conditions = conditions_of(self.encoders, self.texts.crop, *ids, clip.picture[None])
        size = clean.shape[-1]
        rope = rotary_table(self.model.shape, places(place.schedule, place.padding), size, size)
        history = grouped(place.schedule, clip.start.float()[None], past.float()[None])
        velocity = self.model(torch.lerp(clean, noise, sigma), torch.tensor([1000 * sigma]), conditions, history, rope)
        return ((velocity.float() - (noise - clean)).square() * self.channel_weights).mean().item()

    def words(self, schedule: str, clips: list[PooledClip]) -> dict[str, dict[str, float]]:
        def variants(clip: PooledClip, other: PooledClip, place: WindowPlace) -> Variants:
            past = context_of(clip.latents, place)
            return {"own": (clip.captions[0], past), "another's": (other.captions[0], past)}

        return self.errors(clips, lambda place: place.schedule == schedule and place.is_first, variants)

    def past(self, schedule: str, clips: list[PooledClip]) -> dict[str, dict[str, float]]:
        def variants(clip: PooledClip, other: PooledClip, place: WindowPlace) -> Variants:
            own = context_of(clip.latents, place)
            # Forward, the start frame is the first of the past; without any it is all there is.
            none = torch.zeros_like(own)
            if schedule == "forward":
                none[:, -1] = clip.start[:, 0]
            pasts = {"own": own, "none": none, "another's": context_of(other.latents, place)}
            return {name: (clip.captions[0], past) for name, past in pasts.items()}

        return self.errors(clips, lambda place: place.schedule == schedule and not place.is_first, variants)

    def errors(
        self,
        clips: list[PooledClip],
        is_meant: Callable[[WindowPlace], bool],
        variants: Callable[[PooledClip, PooledClip, WindowPlace], Variants],
    ) -> dict[str, dict[str, float]]:
        """Mean error of each variant at each noise level, over the first window that is meant of each clip."""
        errors = defaultdict(list)
        for clip, other in zip(clips, [*clips[1:], clips[0]]):
            place = next(filter(is_meant, clip.places))
            for name, (prompt, past) in variants(clip, other, place).items():
                for sigma in SIGMAS:
                    errors[name, sigma].append(self.error(clip, place, prompt, past, sigma))
        return table(errors)


def table(errors: dict[tuple[str, float], list[float]]) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for (name, sigma), values in errors.items():
        rows[name][f"σ {sigma}"] = round(float(np.mean(values)), 4)
    return dict(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=HERE / "emoji.toml")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--weights", default="transformer.pt", help="a checkpoint in the work folder, or a model folder")
    given = parser.parse_args()
    torch.set_num_threads(1)
    training = Training(read_configuration(given.config))
    ablation = Ablation(training, weights_to_begin_with(training.work, given.weights))
    first, last = ablation.clips("first", given.clips), ablation.clips("last", given.clips)
    middle = ablation.clips("middle", given.clips)
    print(json.dumps({
        "clips": given.clips,
        "words, forward": ablation.words("forward", first),
        "words, inverted": ablation.words("inverted", last),
        "past, forward": ablation.past("forward", middle),
        "past, inverted": ablation.past("inverted", middle),
    }, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
