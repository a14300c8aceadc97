"""Videos made in PyTorch are those of framecast's engine: its parts by recorded cases, the whole by the engine itself."""

import json
import math
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from framecast_training.decoding import SectionDecoder, levels
from framecast_training.evaluate import Case, make
from framecast_training.measures import psnr
from framecast_training.packing import latent_paddings
from framecast_training.sampling import SectionSampler, extended, groups_of, load_networks, start_latents
from framecast_training.unipc import sample, sigma_schedule


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Many small operations: threads that wait for each other beside other work take ten times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model(repository):
    return repository / "models" / "emoji"


@pytest.fixture(scope="module")
def networks(model):
    return load_networks(model, "cpu")


@pytest.fixture(scope="module")
def examples(model):
    """Pictures and prompts whose captions differ in length."""
    rows = json.loads((model / "framecast.json").read_text())["examples"][:3]
    pictures = [torch.from_numpy(np.array(Image.open(model / row["image"]).convert("RGB"))).permute(2, 0, 1) for row in rows]
    return pictures, [row["prompt"] for row in rows]


def golden(repository, case):
    file = repository / "tests" / "golden" / "cases" / f"{case}.json"
    return json.loads(file.read_text())["params"], load_file(file.with_suffix(".safetensors"))


def test_the_sampler_is_the_published_one(repository):
    params, recorded = golden(repository, "unipc/analytic_bh1")
    for steps in params["steps"]:
        sigmas = sigma_schedule(steps, math.exp(params["mu"]))
        made = sample(lambda state, sigma: 0.7 * state.tanh() + 0.1 * sigma, recorded["in.x"], sigmas)
        assert torch.allclose(made, recorded[f"out.result_{steps}"], atol=1e-6)


@pytest.mark.parametrize("case", ["seq576", "cap"])
def test_noise_levels_are_the_published_ones(repository, case):
    params, recorded = golden(repository, f"sigmas/{case}")
    for steps in params["steps"]:
        assert torch.allclose(sigma_schedule(steps, math.exp(params["mu"])), recorded[f"out.sigmas_{steps}"], atol=2e-7)


def test_noise_of_consecutive_sections_is_the_published_one(repository):
    params, recorded = golden(repository, "noise/seed_31337")
    generator = torch.Generator().manual_seed(params["seed"])
    for name in ("first", "second"):
        assert torch.allclose(torch.randn(params["shape"], generator=generator), recorded[f"out.{name}"], atol=1e-6)


@pytest.mark.parametrize("case", ["history_f1_3s_l9", "history_original_3s_l9"])
def test_sections_are_blended_as_published(repository, case, monkeypatch):
    params, recorded = golden(repository, f"soft_append/{case}")
    schedule = "forward" if params["schedule"] == "f1" else "inverted"
    decoded = [value for _, value in sorted((name, value) for name, value in recorded.items() if name.startswith("in.decoded"))]
    decoder = SectionDecoder(None, schedule, 1)
    monkeypatch.setattr(decoder, "tiled", lambda latents: latents.clone())
    parts = [decoder.final(pixels, pixels is decoded[-1]) for pixels in decoded]
    video = torch.cat(parts if schedule == "forward" else parts[::-1], 2)
    assert torch.allclose(video, recorded[f"out.video{len(decoded) - 1}"], atol=1e-6)


def test_levels_are_the_published_ones(repository):
    _, recorded = golden(repository, "soft_append/to_uint8_clamp")
    expected = recorded["out.frames"]
    made = levels(recorded["in.pixels"])[0].permute(0, 2, 3, 1)
    assert torch.equal(made.reshape(expected.shape), expected)


@torch.no_grad()
def test_a_video_does_not_depend_on_those_beside_it(networks, examples):
    pictures, prompts = examples
    start = start_latents(networks.vae, torch.stack(pictures), 2)

    def latents(which, seeds):
        groups = groups_of(networks, pictures[which], prompts[which], batch=2)
        return SectionSampler(networks, groups, seeds, "forward", 2).window(start[which], start[which], 0)

    together, alone = latents(slice(0, 3), [5, 6, 7]), latents(slice(1, 2), [6])
    assert (together[1] - alone[0]).abs().mean() < 1e-3 < 0.1 < (together[0] - alone[0]).abs().mean()


@pytest.mark.parametrize("schedule", ["forward", "inverted"])
def test_a_section_keeps_to_its_device(model, examples, schedule, monkeypatch):
    """On a device that computes nothing and refuses what mixes devices: nothing of a GPU's work is left on the CPU."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    away = load_networks(model, "meta")
    groups = groups_of(away, *examples, batch=2)
    sampler, decoder = SectionSampler(away, groups, [1, 2, 3], schedule, 3), SectionDecoder(away.vae, schedule, 8)
    start = torch.empty(3, 16, 1, 12, 12, device="meta")
    history = start if schedule == "forward" else start[:, :, :0]
    for padding in latent_paddings(2):
        window = sampler.window(start, history, padding)
        history, decoded = extended(schedule, start, history, window, padding == 0)
        decoder.known = []  # nothing can be compared there
        assert levels(decoder.final(decoded, padding == 0)).device.type == "meta"


@pytest.mark.skipif(shutil.which("deno") is None, reason="the engine runs in Deno")
@pytest.mark.parametrize("schedule", ["forward", "inverted"])
def test_videos_are_the_engines(networks, model, examples, schedule, tmp_path):
    pictures, prompts = examples
    cases = [Case(None, prompts[0], schedule, 2.4)]
    engine = make(model, cases, tmp_path / "engine", steps=2, pictures=pictures)
    own = make(model, cases, tmp_path / "torch", steps=2, pictures=pictures, networks=networks)
    assert [path.name for path in (tmp_path / "torch").iterdir()] == ["000.rgb"]
    assert engine[0].shape == own[0].shape == (73, 3, 96, 96)
    assert psnr(engine[0], own[0]) > 60
