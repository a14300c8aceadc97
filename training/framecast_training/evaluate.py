"""
Measures an exported model on subjects and backgrounds it never saw, with framecast's own engine or by the same networks in
PyTorch, and writes `figures.json` and contact sheets into its folder `samples/`.

Clips are drawn from fixed seeds; nothing is selected.
"""

import json
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .clips import BRIDGE_FRAMES, ClipSpec, Domain, SpriteBook, draw_clip
from .measures import QUALITIES, likeness, nearest_motion, psnr, ssim, start_end_contrast
from .motions import SPEEDS
from .sampling import Networks, load_networks, make_videos
from .scene import FRAME_PX
from .train_vae import published_weights, unit_range
from .vae import Autoencoder, VaeShape

HERE = Path(__file__).resolve().parent.parent
SEED = 20_000
AT_ONCE = 100
"""Videos that PyTorch makes together: what is made is kept after each such lot."""


@dataclass
class Case:
    spec: ClipSpec
    prompt: str
    schedule: str
    seconds: float

    def phases(self) -> np.ndarray:
        """Of every frame, as the schedule has to make it; for inverted videos of up to two sections."""
        frames = np.arange(36 * max(round(self.seconds * 30 / 36), 1) + 1)
        timeline = self.spec.timeline
        if self.schedule == "forward":
            return timeline.forward(frames)
        return timeline.bridged(frames, min(BRIDGE_FRAMES, len(frames) - 1), 0.0)


def held_out_case(book: SpriteBook, number: int, motion: str, schedule: str, seconds: float, domain: Domain) -> Case:
    rng = np.random.default_rng(SEED + number)
    while True:
        spec = draw_clip(book, rng, held_out=True, motions=(motion,), speed=SPEEDS[0], domain=domain)
        if len(spec.nouns) == 1:
            return Case(spec, spec.caption(rng), schedule, seconds)


def motion_cases(book: SpriteBook, count: int, domain: Domain, seconds: float = 2.4) -> list[Case]:
    """Every motion of the domain in turn, every second round inverted."""
    names = domain.motions
    return [held_out_case(book, i, names[i % len(names)], ("forward", "inverted")[i // len(names) % 2], seconds, domain)
            for i in range(count)]


def long_cases(book: SpriteBook, first: int, schedule: str, count: int, seconds: float, domain: Domain) -> list[Case]:
    """Motions in an order that brings unlike ones soon. @first number that a case is drawn from"""
    names = [domain.motions[(5 * i) % len(domain.motions)] for i in range(count)]
    return [held_out_case(book, first + i, name, schedule, seconds, domain) for i, name in enumerate(names)]


def make(
    model: Path, cases: list[Case], folder: Path, steps: int | None = None, pictures: list[Tensor] | None = None,
    networks: Networks | None = None,
) -> list[Tensor]:
    """
    Videos [frames, 3, 96, 96], made once and kept; the number of a case is its seed.
    @pictures uint8 [3, 96, 96] to start with; default: the scenes at rest
    @networks of the model, to be used instead of framecast's engine
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:03d}.rgb" for number in range(len(cases))]
    starts = {number: pictures[number] if pictures else cases[number].spec.scene.draw(np.zeros(1))[0]
              for number, file in enumerate(files) if not file.exists()}
    if starts and networks:
        make_in_torch(networks, cases, folder, steps, starts)
    elif starts:
        make_by_engine(model, cases, folder, steps, starts)
    return [frames_of(file) for file in files]


def make_by_engine(model: Path, cases: list[Case], folder: Path, steps: int | None, starts: dict[int, Tensor]) -> None:
    rows = []
    for number, picture in starts.items():
        case, image = cases[number], folder / f"{number:03d}.start"
        image.write_bytes(picture.permute(1, 2, 0).contiguous().numpy().tobytes())
        rows.append(json.dumps({
            "model": str(model.resolve()), "image": str(image), "prompt": case.prompt, "seconds": case.seconds, "seed": number,
            "schedule": case.schedule, "out": str(folder / f"{number:03d}.rgb"), **({"steps": steps} if steps else {}),
        }))
    requests = folder / "requests.jsonl"
    requests.write_text("\n".join(rows))
    program = ["deno", "run", "--no-prompt", "--allow-env", "--allow-read", "--allow-ffi", "--allow-sys",
               f"--allow-write={folder}", str(HERE / "videos.ts"), str(requests)]
    with (folder / "timings.jsonl").open("a") as timings:
        subprocess.run(program, check=True, stdout=timings, cwd=HERE.parent)


def make_in_torch(
    networks: Networks, cases: list[Case], folder: Path, steps: int | None, starts: dict[int, Tensor]
) -> None:
    alike = defaultdict(list)
    for number in starts:
        alike[cases[number].schedule, cases[number].seconds].append(number)
    for (schedule, seconds), numbers in alike.items():
        for some in (numbers[first:first + AT_ONCE] for first in range(0, len(numbers), AT_ONCE)):
            prompts = [cases[number].prompt for number in some]
            made = make_videos(networks, [starts[number] for number in some], prompts, some, seconds, schedule, steps)
            for number, video in zip(some, made):
                video.permute(0, 2, 3, 1).contiguous().numpy().tofile(folder / f"{number:03d}.rgb")


def frames_of(file: Path) -> Tensor:
    pixels = np.fromfile(file, np.uint8).reshape(-1, FRAME_PX, FRAME_PX, 3)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def evaluate(
    model: Path, work: Path, book: SpriteBook, domain: Domain, count: int = 200, long_count: int = 10,
    device: str | None = None,
) -> dict:
    """
    @count of clips of 2.4 s, @long_count of clips of 60 s for each schedule
    @device of PyTorch that makes them; default: framecast's engine
    """
    networks = load_networks(model, device) if device else None
    figures = {"autoencoder": autoencoder_figures(model, book, domain)}
    videos = work / "videos"
    cases = motion_cases(book, count, domain)
    made = make(model, cases, videos / "motions", networks=networks)
    figures["motions"] = motion_figures(cases, made)
    figures["subject"] = {"after 2.4 s": subject_figures(cases, made)}
    for schedule in ("forward", "inverted"):
        long = long_cases(book, 1000, schedule, long_count, 60, domain)
        clips = make(model, long, videos / f"long-{schedule}", networks=networks)
        figures[f"drift over 60 s, {schedule}"] = drift_figures(clips)
        last = [clip if schedule == "forward" else clip.flip(0) for clip in clips]
        figures["subject"][f"after 60 s, {schedule}"] = subject_figures(long, last)
    (model / "samples").mkdir(exist_ok=True)
    sheets(cases, made, model / "samples", len(domain.motions))
    (model / "samples" / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    return figures


@torch.no_grad()
def autoencoder_figures(model: Path, book: SpriteBook, domain: Domain, count: int = 60) -> dict:
    """Clips of 17 frames, as one tile."""
    config = json.loads((model / "vae" / "config.json").read_text())
    vae = Autoencoder(VaeShape(tuple(config["block_out_channels"]))).eval()
    vae.load_state_dict(published_weights(model))
    rows, rng = [], np.random.default_rng(SEED)
    for _ in range(count):
        spec = draw_clip(book, rng, held_out=True, domain=domain)
        true = spec.scene.draw(spec.timeline.passing(np.arange(17), rng.uniform()))
        decoded = vae.decode(vae.encode(unit_range(true).transpose(0, 1)[None]))[0].transpose(0, 1)
        back = ((decoded + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        still = (true.float().amax(0) - true.float().amin(0)).amax(0) < 1
        flicker = back.float().diff(dim=0).abs()[1:][:, :, still].mean().item() if still.any() else 0.0
        rows.append((psnr(back, true), ssim(back, true), flicker))
    mean = np.mean(rows, 0)
    return {"clips": count, "psnr dB": round(mean[0], 2), "psnr dB, worst": round(min(r[0] for r in rows), 2),
            "ssim": round(mean[1], 4), "change of still regions, levels": round(mean[2], 3)}


def motion_figures(cases: list[Case], made: list[Tensor]) -> dict:
    """A clip does what its prompt says when no other motion's true rendering is nearer by more than 5 %."""
    right, quality, confused = defaultdict(list), defaultdict(list), []
    for case, clip in zip(cases, made):
        every_third = slice(0, None, 3)
        phases = case.phases()
        name, least, own = nearest_motion(clip[every_third], case.spec, phases[every_third], case.spec.timeline.period_frames)
        asked = case.spec.scene.motions[0]
        right[asked].append(own <= 1.05 * least)
        if own > 1.05 * least:
            confused.append(f"{asked} → {name} ({case.schedule})")
        quality[case.schedule].append(psnr(clip, case.spec.scene.draw(phases)))
    flat = [value for values in right.values() for value in values]
    return {
        "clips": len(flat), "share": round(float(np.mean(flat)), 4),
        "of each": {name: f"{sum(values)}/{len(values)}" for name, values in right.items()},
        "psnr dB against the true frames": {name: round(float(np.mean(values)), 2) for name, values in quality.items()},
        "taken for": confused,
    }


def subject_figures(cases: list[Case], made: list[Tensor]) -> dict:
    """Likeness in the last second, of motions that show the subject whole somewhere in their period."""
    phases = np.arange(24) / 24
    values = []
    for case, clip in zip(cases, made):
        values.append(max(likeness(frame, case.spec.scene, phases) for frame in clip[-31::10]))
    return {"clips": len(values), "mean": round(float(np.mean(values)), 3), "least": round(float(np.min(values)), 3)}


def drift_figures(clips: list[Tensor]) -> dict:
    rows = [start_end_contrast(clip) for clip in clips]
    means = {name: round(float(np.mean([row[name] for row in rows])), 4) for name in QUALITIES}
    return {"clips": len(clips), **means, "mean": round(float(np.mean(list(means.values()))), 4)}


def sheets(cases: list[Case], made: list[Tensor], folder: Path, rows: int, columns: int = 10) -> None:
    """Two sheets, one per schedule: every motion once, unselected. In pairs of rows what is true and what was made."""
    for schedule in ("forward", "inverted"):
        chosen = [(case, clip) for case, clip in zip(cases, made) if case.schedule == schedule][:rows]
        pairs = [(case.spec.scene.draw(case.phases()), clip) for case, clip in chosen]
        pictures = [video[torch.linspace(0, len(video) - 1, columns).long()] for pair in pairs for video in pair]
        grid = torch.cat([torch.cat(list(row), 2) for row in pictures], 1)
        Image.fromarray(grid.permute(1, 2, 0).numpy()).quantize(256).save(folder / f"unseen-{schedule}.png", optimize=True)
