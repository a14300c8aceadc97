"""Trains the autoencoder: single pictures first, then clips, joints of decoded tiles included."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from . import checkpoint
from .clips import Domain, SpriteBook, draw_clip
from .muon import Muon
from .ranks import Average, Budget, average_gradients, device_of, mixed_precision
from .vae import SCALING_FACTOR, Autoencoder, VaeShape
from .vae_start import centre_latents, channel_statistics, start_from_averaging

CLIP_FRAMES = 21
TILE_LATENTS = 5


class Pictures(IterableDataset):
    """
    Batches [batch, frames, 3, 96, 96] of uint8, without end. A share of them, `own_share`, is of the configured domain, the
    others are of the widest: an autoencoder has to show what it will not be asked for, too.
    """

    def __init__(self, settings: dict, book: SpriteBook, batch: int, frames: int, seed: tuple[int, ...]):
        self.own, self.own_share, self.book = settings["domain"], settings.get("own_share", 0.0), book
        self.batch, self.frames, self.seed = batch, frames, seed

    def __iter__(self) -> Iterator[Tensor]:
        worker = get_worker_info()
        rng = np.random.default_rng((*self.seed, self.frames, worker.id if worker else 0))
        while True:
            yield torch.stack([self.draw(rng) for _ in range(self.batch)])

    def draw(self, rng: np.random.Generator) -> Tensor:
        spec = draw_clip(self.book, rng, domain=self.own if rng.random() < self.own_share else Domain())
        return spec.scene.draw(spec.timeline.passing(np.arange(self.frames), rng.uniform()))


def endless(pictures: Pictures, drawers: int) -> Iterator[Tensor]:
    """Drawn ahead by as many processes, or here when asked for."""
    return iter(DataLoader(pictures, batch_size=None, num_workers=drawers))


class VaeTraining:
    """One rank."""

    def __init__(self, rank: int, settings: dict, book: SpriteBook, work: Path):
        self.rank, self.settings, self.book, self.file = rank, settings, book, work / "vae.pt"
        torch.manual_seed(settings["seed"])
        self.model = Autoencoder(VaeShape(tuple(settings["channels"])))
        if settings.get("begin_with"):
            self.model.load_state_dict(published_weights(Path(settings["begin_with"])))
        else:
            start_from_averaging(self.model)
        self.device = device_of(settings)
        self.model.to(self.device, memory_format=torch.channels_last_3d)
        self.average = Average(self.model, 0.998)
        self.is_encoder_fixed = settings.get("part", "whole") == "decoder"
        if self.is_encoder_fixed:
            for module in (self.model.encoder, self.model.quant_conv):
                module.requires_grad_(False)
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizers = optimizers_for(self.parameters, settings.get("optimizer", "adamw"))
        self.step = 0
        self.share = 0.0
        self.resume()
        seed = (settings["seed"], rank, self.step)
        self.rng = np.random.default_rng(seed)
        torch.manual_seed(1000 * rank + self.step)
        drawers = settings.get("drawers", 0)
        self.pictures = endless(Pictures(settings, book, settings["pictures"], 1, seed), max(drawers // 4, min(drawers, 1)))
        self.clips = endless(Pictures(settings, book, settings.get("clips", 1), CLIP_FRAMES, seed), drawers)
        # Compiling pays for pictures, which are many; a clip's graphs take longer to compile than they save on a CPU.
        compiled = settings.get("compile", True)
        self.moments_of_pictures = torch.compile(self.model.moments) if compiled else self.model.moments
        self.decode_pictures = torch.compile(self.model.decode) if compiled else self.model.decode

    def resume(self) -> None:
        state = checkpoint.load(self.file)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        self.average.weights = {name: value.to(self.device) for name, value in state["average"].items()}
        self.step, self.share = state["step"], state["share"]

    def save(self) -> None:
        if self.rank == 0:
            checkpoint.save(self.file, {
                "model": self.model.state_dict(), "average": self.average.weights, "step": self.step, "share": self.share,
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            })

    def train(self) -> None:
        # Few shapes and many steps: trying out every algorithm pays, here and not for the pool's clips of many lengths.
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):
            self._train()

    def _train(self) -> None:
        settings = self.settings
        budget = Budget(settings.get("steps"), settings.get("minutes"), self.share)
        told, errors = time.monotonic(), []
        while True:
            self.share = budget.share(self.step)
            if self.share >= 1:
                break
            for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
                group["lr"] = settings["rate"] * rate_share(self.share, self.step)
            errors.append(self.train_step())
            if time.monotonic() - told > settings.get("tell_seconds", 30):
                if self.rank == 0:
                    of_kind = {kind: [error for k, error in errors if k == kind] for kind in ("picture", "clip")}
                    figures = ", ".join(f"{k} {decibels(torch.stack(v)):.2f} dB ({len(v)})" for k, v in of_kind.items() if v)
                    print(f"vae {100 * self.share:.0f} %, step {self.step}: {figures}", flush=True)
                told, errors = time.monotonic(), []
                self.save()
        self.save()

    def train_step(self) -> tuple[str, Tensor]:
        """Whether of a picture or a clip, and the mean square error."""
        is_clip = self.share > self.settings["pictures_share"] and self.step % 4 != 0
        clip = _last(unit_range(next(self.clips if is_clip else self.pictures).to(self.device)).transpose(1, 2))
        decoded, target, latents = self.reconstruct(clip)
        loss = picture_loss(decoded, target) + 2e-4 * latents.square().mean()
        loss.backward()
        average_gradients(self.parameters)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.average.update(self.model, self.step)
        error = (decoded.detach() - target).square().mean() / 4
        return ("clip" if is_clip else "picture"), error

    def reconstruct(self, clip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decoded and true frames, and the latents between them."""
        with mixed_precision(clip.device.type):
            if clip.shape[2] == 1:
                with torch.set_grad_enabled(not self.is_encoder_fixed):
                    latents = self.moments_of_pictures(clip)[0].float() * SCALING_FACTOR
                return self.decode_pictures(_last(blurred(latents))).float(), clip, latents
            with torch.set_grad_enabled(not self.is_encoder_fixed):
                latents = self.model.moments(clip)[0].float() * SCALING_FACTOR
            # Half of the clips are decoded as a tile in the middle of a video: its first latent frame stands for four
            # frames but is decoded as one, which is then left out (FramePack blends it away).
            first = int(self.rng.random() < 0.5)
            tile = blurred(latents)[:, :, first:first + TILE_LATENTS]
            decoded = self.model.decode(_last(tile)).float()
        frames = decoded.shape[2]
        return (decoded[:, :, 1:], clip[:, :, -frames + 1:], latents) if first else (decoded, clip[:, :, :frames], latents)


def optimizers_for(parameters: list[nn.Parameter], name: str) -> list[torch.optim.Optimizer]:
    """AdamW, or Muon for matrices and kernels with more than a few rows, and AdamW for the rest."""
    many = [p for p in parameters if p.ndim > 1 and min(p.shape[0], p[0].numel()) > 3] if name == "muon" else []
    rest = [p for p in parameters if not any(p is other for other in many)]
    adam = torch.optim.AdamW(rest, 1e-3, betas=(0.9, 0.97), weight_decay=1e-4, fused=True)
    return [Muon(many, 1e-3, weight_decay=0), adam] if many else [adam]


def decibels(errors: Tensor) -> float:
    """Mean, of mean square errors of pixels in [0, 1]."""
    return (-10 * errors.log10()).mean().item()


def rate_share(share: float, step: int) -> float:
    """Warm-up, flat, then a cosine to nothing."""
    warm = min(1.0, (step + 1) / 60)
    return warm * (1.0 if share < 0.45 else 0.5 * (1 + math.cos(math.pi * (share - 0.45) / 0.55)) + 0.01)


def blurred(latents: Tensor) -> Tensor:
    """With a little noise, of any strength up to 0.06: what the transformer makes is never exact."""
    return latents + 0.06 * torch.rand((), device=latents.device) * torch.randn_like(latents)


def unit_range(frames: Tensor) -> Tensor:
    """uint8 → [−1, 1]"""
    return frames.float() / 127.5 - 1


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last_3d)


def picture_loss(decoded: Tensor, target: Tensor) -> Tensor:
    """Of colours, of their differences between neighbours, and of both at half the size; squares weigh large errors."""
    error = decoded - target
    loss = error.abs().mean() + 2 * error.square().mean() + 0.5 * _edges(error)
    half = F.avg_pool3d(error, (1, 2, 2))
    loss = loss + 0.5 * half.abs().mean()
    if error.shape[2] > 1:
        loss = loss + 0.3 * error.diff(dim=2).abs().mean()
    return loss


def _edges(error: Tensor) -> Tensor:
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def published_weights(folder: Path) -> dict[str, Tensor]:
    """Of a model folder's `vae/`, in float32."""
    return {name: value.float() for name, value in load_file(folder / "vae" / "diffusion_pytorch_model.safetensors").items()}


@torch.no_grad()
def finished_weights(work: Path, book: SpriteBook, settings: dict) -> dict[str, Tensor]:
    """The averaged weights, with latents centred and scaled; where the decoder alone was trained, they are that already."""
    state = checkpoint.load(work / "vae.pt")
    if state is None:
        raise checkpoint.CheckpointFault(f"There is no trained autoencoder in {work}: run `train vae` first")
    weights = state["average"]
    if settings.get("part") == "decoder":
        return weights
    device = device_of(settings)
    model = Autoencoder(VaeShape(tuple(settings["channels"]))).to(device)
    model.load_state_dict(weights)
    rng = np.random.default_rng(7)
    latents = []
    for _ in range(24):
        spec = draw_clip(book, rng)
        frames = spec.scene.draw(spec.timeline.passing(np.arange(17), rng.uniform()))
        latents.append(model.encode(unit_range(frames.to(device)).transpose(0, 1)[None]).cpu())
    mean, deviation = channel_statistics(torch.cat(latents))
    centre_latents(weights, mean, float(deviation.square().mean().sqrt()))
    return weights


def work_vae(rank: int, settings: dict, book: SpriteBook, work: Path) -> None:
    VaeTraining(rank, settings, book, work).train()
