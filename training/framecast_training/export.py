"""Writes the trained networks as a model folder in the Hugging Face layout of the published repositories."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from . import checkpoint
from .clips import ClipSpec, Domain, SpriteBook, draw_clip
from .motions import GENTLE, MOTIONS, SPEEDS
from .captions import verb
from .scene import Background, Placed, Scene
from .texts import TEMPLATE, Encoders, Texts
from .transformer import TransformerShape
from .vae import SCALING_FACTOR, VaeShape

EXAMPLES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("cat", "flat", ("jump",), "The cat jumps up and down."),
    ("sailboat", "sky", ("left",), "The sailboat slides to the left and comes back."),
    ("police car", "sky", ("away right",), "The police car leaves to the right and returns."),
    ("tiger", "gradient", ("fade",), "The tiger fades out and comes back."),
    ("soccer ball", "white", ("down",), "The ball sinks down and rises again."),
    ("peacock", "flat", ("colours",), "The peacock changes colours."),
    ("blue heart", "white", ("grow",), "The heart pulses."),
    ("llama", "sky", ("dark",), "It gets dark and bright again."),
    ("kite", "sky", ("away left",), "The kite flies away to the left and comes back."),
    ("hot dog", "flat", ("rock",), "The hot dog sways slowly."),
    ("racing car", "sky", ("right",), "The racing car moves to the right and returns."),
    ("popcorn", "gradient", ("shrink",), "The popcorn shrinks and grows back."),
    ("hot dog", "gradient", ("zoom",), "The camera zooms in and out."),
    ("zebra", "sky", ("pan",), "The camera pans to the right and back."),
    ("soccer ball", "white", ("spin", "grow"), "The ball spins and grows."),
    ("kite", "sky", ("circle",), "The kite flies in a circle."),
    ("popcorn", "gradient", ("squash",), "The popcorn wobbles like jelly."),
    ("zebra", "flat", ("right", "rock"), "The zebra drifts to the right and back and rocks from side to side."),
    ("crown", "white", ("spin back",), "The crown spins backwards quickly."),
)
"""Subject, background, motions and prompt of each picture in `examples/`; none of the subjects was trained on."""


def export(work: Path, folder: Path, book: SpriteBook, settings: dict, weights: dict[str, Tensor], file: str = "transformer.pt") -> None:
    state = checkpoint.load(work / file)
    if state is None:
        raise checkpoint.CheckpointFault(f"There is no trained transformer {work / file}: run `train transformer` first")
    average = state["average"]
    _write_vae(folder / "vae", weights, VaeShape(tuple(settings["vae"]["channels"])))
    transformer = {name.removeprefix("transformer."): value for name, value in average.items() if name.startswith("transformer.")}
    shape = TransformerShape(**settings["transformer"].get("shape", {}))
    _write(folder / "transformer", "diffusion_pytorch_model", transformer, shape.config(), torch.bfloat16)
    texts = Texts(work / "model")
    for part in ("tokenizer", "tokenizer_2"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for source in (work / "model" / part).iterdir():
            (folder / part / source.name).write_bytes(source.read_bytes())
    _write_encoders(folder, average, Encoders(len(texts.clip)))
    _write_json(folder / "feature_extractor" / "preprocessor_config.json", {
        "do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5] * 3,
        "image_processor_type": "SiglipImageProcessor", "image_std": [0.5] * 3, "processor_class": "SiglipProcessor",
        "resample": 3, "rescale_factor": 1 / 255, "size": {"height": 64, "width": 64},
    })
    domain = told_of(settings)
    examples = write_examples(folder, book, domain)
    vae = settings["vae"]
    rgb = fitted_rgb(Path(vae.get("begin_with", "")) if vae.get("minutes") == 0 or vae.get("part") == "decoder" else None)
    _write_json(folder / "framecast.json", {**manifest(texts, examples, settings, domain), **rgb})


def fitted_rgb(kept: Path | None) -> dict:
    """
    The map from latents to preview colours, of an encoder that is kept as it was. For a new one `deno task bench
    latent-rgb` fits it.
    """
    if kept is None:
        return {}
    published = json.loads((kept / "framecast.json").read_text())
    return {"latent_rgb": published["latent_rgb"]} if "latent_rgb" in published else {}


def _write_vae(folder: Path, weights: dict[str, Tensor], shape: VaeShape) -> None:
    _write(folder, "diffusion_pytorch_model", weights, shape.config(), torch.float16)


def _write_encoders(folder: Path, average: dict[str, Tensor], encoders: Encoders) -> None:
    own = {name.removeprefix("encoders."): value for name, value in average.items() if name.startswith("encoders.")}
    for part, dtype in (("text_encoder", torch.float16), ("text_encoder_2", torch.float16), ("image_encoder", torch.bfloat16)):
        module = getattr(encoders, part)
        config = {**json.loads(module.config.to_json_string(use_diff=True)), "architectures": [type(module).__name__],
                  "torch_dtype": str(dtype).removeprefix("torch.")}
        tensors = {name.removeprefix(part + "."): value for name, value in own.items() if name.startswith(part + ".")}
        tensors = {name: value for name, value in tensors.items() if not name.endswith("position_ids")}
        _write(folder / part, "model", tensors, config, dtype)


def _write(folder: Path, name: str, tensors: dict[str, Tensor], config: dict, dtype: torch.dtype) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stored = {key: value.to(dtype).contiguous() for key, value in tensors.items()}
    save_file(stored, folder / f"{name}.safetensors", metadata={"format": "pt"})
    _write_json(folder / "config.json", config)


def _write_json(file: Path, value: dict) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def example_scene(book: SpriteBook, subject: str, background: str, motions: tuple[str, ...], number: int) -> Scene:
    rng = np.random.default_rng(100 + number)
    names = [s.name for s in book.everyone]
    index = names.index(subject)
    spec: ClipSpec = draw_clip(book, rng, motions=motions, speed=SPEEDS[0])
    placed = Placed(book.pixels[index].float() / 255, 48, 50, 54)
    drawn: Background = spec.scene.background
    colours = torch.tensor(rng.uniform(0.55, 1, (4, 3)), dtype=torch.float32)
    if background == "white":
        colours[0] = 1
    if background == "night":
        colours[0], colours[1] = torch.tensor((0.08, 0.1, 0.25)), torch.ones(3)
    if background == "sky":
        colours[0], colours[1] = torch.tensor((0.68, 0.86, 0.98)), torch.tensor((0.45, 0.72, 0.4))
    if background == "checker":
        colours[1] = colours[0] * 0.88
    return Scene((placed,), replace(drawn, kind=background, colours=colours), motions)


def write_examples(folder: Path, book: SpriteBook, domain: Domain) -> list[dict]:
    (folder / "examples").mkdir(parents=True, exist_ok=True)
    held_out = {subject.name: subject.held_out for subject in book.everyone}
    rows = []
    for number, (subject, background, motions, prompt) in enumerate(EXAMPLES):
        if not (motions in domain.compounds or (len(motions) == 1 and motions[0] in domain.motions)):
            continue
        scene = example_scene(book, subject, background, motions, number)
        picture = scene.draw(np.zeros(1))[0].permute(1, 2, 0).numpy()
        name = f"examples/{subject.replace(' ', '-')}-{'-'.join(motions).replace(' ', '-')}.png"
        # The studio's first visit shows them all: 192 colours are half the bytes, and less than half a level away.
        few = Image.fromarray(picture).quantize(192, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(folder / name, optimize=True)
        rows.append({"image": name, "prompt": prompt, "title": subject, "subject_in_training": not held_out[subject]})
    return rows


def told_of(settings: dict) -> Domain:
    """What is told of the domain: what was not learnt well is left out, motions by name and `pairs` of them."""
    domain, left_out = settings["domain"], settings["export"].get("leaves_out", ())
    known = tuple(name for name in domain.motions if name not in left_out)
    return replace(domain, motions=known, pairs=0.0 if "pairs" in left_out else domain.pairs)


def manifest(texts: Texts, examples: list[dict], settings: dict, domain: Domain) -> dict:
    """`framecast.json`"""
    return {
        "name": "emoji",
        "resolution": {"width": 96, "height": 96, "multiple_of": 32},
        "fps": 30,
        "latent_window_size": 9,
        "default_steps": settings["export"]["steps"],
        "guidance": {"embedded": 10.0, "cfg": 1.0, "note": "one constant value was trained; others are not"},
        "schedules": ["inverted", "forward"],
        "default_schedule": "inverted",
        "vae": {"scaling_factor": SCALING_FACTOR},
        "prompt": {"template": TEMPLATE, "crop_start": texts.crop, "max_length": texts.crop + 256, "text_padded_length": 512},
        "understands": understands(domain),
        "examples": examples,
        "licence": {
            "weights": "Apache-2.0",
            "sprites": "Rendered from Noto Color Emoji, Copyright Google LLC. Font: SIL Open Font License 1.1; image resources: "
                       "Apache License 2.0. Example images contain these sprites on procedural backgrounds.",
            "architecture": "FramePack / HunyuanVideo class and tensor names; weights trained from scratch on procedural clips",
        },
    }


def understands(domain: Domain) -> dict:
    """For the page: what to write, and what the model is for."""
    return {
        "subjects": "one emoji, sticker, icon or simple drawing on a plain background",
        "motions": [verb(name_phrase(name), plural=False) for name in domain.motions],
        "together": [" and ".join(verb(name_phrase(name), plural=False) for name in pair) for pair in domain.compounds[:8]],
        "speeds": [word.strip() for speed in SPEEDS for word in speed.words[:1] if word],
        "otherwise": "Anything else becomes a gentle float.",
    }


def name_phrase(name: str) -> str:
    return next(motion.phrases[0] for motion in (*MOTIONS, GENTLE) if motion.name == name)
