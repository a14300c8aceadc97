"""What is measured of a video. Clips are uint8 [frames, 3, height, width] unless said otherwise."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .clips import ClipSpec
from .motions import BY_NAME, MOTIONS, change_of, period_of
from .scene import Scene


def psnr(made: Tensor, true: Tensor) -> float:
    """In dB, over the whole clip."""
    error = (made.float() - true.float()).square().mean().item() / 255**2
    return -10 * math.log10(max(error, 1e-10))


def ssim(made: Tensor, true: Tensor) -> float:
    """Structural similarity (Wang et al. 2004) of luma, Gaussian window of 11 pixels and deviation 1.5, mean over frames."""
    x, y = luma(made), luma(true)
    at = torch.arange(11) - 5.0
    line = torch.exp(-(at**2) / (2 * 1.5**2))
    window = (line[:, None] * line / line.sum() ** 2).view(1, 1, 11, 11)

    def blur(z: Tensor) -> Tensor:
        return F.conv2d(z, window)

    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean().item()


def luma(clip: Tensor) -> Tensor:
    """[frames, 1, height, width] in 0 to 255."""
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (clip.float() * weights).sum(1, keepdim=True)


def sharpness(clip: Tensor) -> float:
    y = luma(clip)
    return (y.diff(dim=-1).abs().mean() + y.diff(dim=-2).abs().mean()).item()


def contrast(clip: Tensor) -> float:
    return luma(clip).flatten(1).std(1).mean().item()


def saturation(clip: Tensor) -> float:
    """Mean distance between the largest and the smallest of the three colours."""
    return (clip.amax(1).float() - clip.amin(1).float()).mean().item()


def motion(clip: Tensor) -> float:
    return luma(clip).diff(dim=0).abs().mean().item()


QUALITIES = {"sharpness": sharpness, "contrast": contrast, "saturation": saturation, "motion": motion}


def start_end_contrast(clip: Tensor, share: float = 0.15) -> dict[str, float]:
    """
    By how much the last part of a video differs from the first, relative to the first, each quality alone (FramePack, arXiv
    2504.12626, section 4.2, takes the first and last 15 %).
    """
    count = max(2, round(share * len(clip)))
    first, last = clip[:count], clip[-count:]
    return {name: abs(measure(last) - measure(first)) / max(measure(first), 1e-6) for name, measure in QUALITIES.items()}


def nearest_motion(made: Tensor, spec: ClipSpec, phases: np.ndarray, period: float) -> tuple[str, float, float]:
    """
    The motion whose true rendering of the same scene is nearest, with its error and that of the motion asked for.
    @phases of @made under the motion asked for, whose period is @period; other motions run in the same time at theirs
    """
    frames = made.float()
    errors = {}
    for motion_ in (*MOTIONS, BY_NAME["gentle"]):
        own = period_of((motion_.name,), spec.speed)
        scene = Scene(spec.scene.subjects, spec.scene.background, (motion_.name,))
        errors[motion_.name] = (scene.draw(phases * period / own).float() - frames).square().mean().item()
    name = min(errors, key=errors.get)
    return name, errors[name], errors[spec.scene.motions[0]]


def likeness(frame: Tensor, scene: Scene, phases: np.ndarray) -> float:
    """
    How much the subject in a frame is still the one of the start picture: the best correlation of colours, over all phases of
    its motion, inside the subject's place at that phase. @frame uint8 [3, height, width]
    """
    truths = scene.draw(phases).float()
    background = draw_without_subjects(scene, phases)
    best = -1.0
    for true, plain in zip(truths, background):
        inside = (true - plain).abs().amax(0) > 12
        if inside.sum() < 60:
            continue
        mask = F.max_pool2d(inside[None, None].float(), 5, 1, 2)[0, 0] > 0
        a, b = frame.float()[:, mask].flatten(), true[:, mask].flatten()
        a, b = a - a.mean(), b - b.mean()
        best = max(best, (a @ b / (a.norm() * b.norm() + 1e-6)).item())
    return best


def draw_without_subjects(scene: Scene, phases: np.ndarray) -> Tensor:
    """The background under the same camera and light [frames, 3, height, width] in 0 to 255."""
    changes = [change_of(scene.motions, float(phase), scene.room(scene.subjects[0])) for phase in phases]
    light = torch.tensor([change.light for change in changes]).view(-1, 1, 1, 1)
    return scene.background.draw(changes) * light * 255
