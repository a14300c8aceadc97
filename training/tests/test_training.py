"""Configurations, checkpoints and a step that learns."""

import re
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from framecast_training import checkpoint
from framecast_training.__main__ import Training
from framecast_training.clips import Domain, draw_motions
from framecast_training.configuration import BadConfiguration, read_configuration
from framecast_training.muon import orthogonal
from framecast_training.packing import WindowPlace
from framecast_training.pool import PooledClip, save_pool
from framecast_training.scene import draw_background, place
from framecast_training.train_transformer import TransformerTraining
from framecast_training.train_vae import VaeTraining, finished_weights, published_weights

GOOD = """
seed = 1
ranks = 1
work = "work"
[vae]
channels = [8, 16, 32, 64]
minutes = 1
[pool]
parts = 1
clips_per_part = 2
seed = 1
[transformer]
steps = 3
rate = 1e-3
batch = 2
[export]
folder = "out"
steps = 6
"""


def write(folder, text):
    file = folder / "config.toml"
    file.write_text(text)
    return file


def test_a_configuration_is_read_with_paths_beside_its_file(tmp_path):
    settings = read_configuration(write(tmp_path, GOOD))
    assert settings["work"] == str(tmp_path / "work")
    assert settings["transformer"]["seed"] == 1


@pytest.mark.parametrize("text,complaint", [
    (GOOD.replace("batch = 2", "bach = 2"), r"there is no setting \[transformer\] bach"),
    (GOOD.replace("batch = 2", 'batch = "two"'), r"\[transformer\] batch = 'two' must be int"),
    (GOOD.replace("batch = 2", "batch = 0"), r"\[transformer\] batch = 0 must be from 1 to 4096"),
    (GOOD.replace("rate = 1e-3\n", ""), r"\[transformer\] rate is missing"),
    (GOOD.replace("[export]", "[exprot]"), "there is no setting exprot, only seed"),
    (GOOD.replace("steps = 3\n", ""), r"\[transformer\] needs minutes or steps"),
    ("device = 'gpu'\n" + GOOD, "device = 'gpu' must be auto, cpu or cuda"),
    (GOOD.replace("minutes = 1", "minutes = 1\npart = 'encoder'"), r"\[vae\] part = 'encoder' must be whole or decoder"),
    (GOOD.replace("minutes = 1", "minutes = 1\npart = 'decoder'"), r"\[vae\] part = 'decoder' needs begin_with"),
    ("seed = ", "is not TOML"),
])
def test_a_wrong_configuration_is_told_by_its_key_and_value(tmp_path, text, complaint):
    with pytest.raises(BadConfiguration, match=complaint):
        read_configuration(write(tmp_path, text))


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path, monkeypatch):
    file = tmp_path / "a.pt"
    checkpoint.save(file, {"step": 1})

    def full(state, stream):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(checkpoint.CheckpointFault, match="No space left on device; the last one is intact"):
        checkpoint.save(file, {"step": 2})
    assert checkpoint.load(file) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"nonsense")
    with pytest.raises(checkpoint.CheckpointFault, match=re.escape(str(tmp_path / "a.pt"))):
        checkpoint.load(tmp_path / "a.pt")
    assert checkpoint.load(tmp_path / "none.pt") is None


def test_a_missing_font_says_what_to_install(tmp_path):
    from framecast_training.sprites import MissingFont, find_font

    with pytest.raises(MissingFont, match="fonts-noto-color-emoji"):
        find_font(str(tmp_path / "no.ttf"))


@pytest.mark.parametrize("shape", [(32, 128), (128, 32), (64, 64)])
def test_orthogonal_matrices_have_singular_values_about_1(shape):
    torch.manual_seed(2)  # a square matrix may have a direction that is too weak for five iterations
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert 0.6 < values.min() and values.max() < 1.4


def test_a_domain_narrows_what_is_drawn(tmp_path):
    text = GOOD + '\n[domain]\nmotions = ["jump", "fade"]\npairs = 0\ngentle = 0\nbackgrounds = ["white"]\nsizes = [40, 50]\n'
    domain = read_configuration(write(tmp_path, text))["domain"]
    rng = np.random.default_rng(1)
    assert {draw_motions(rng, domain) for _ in range(40)} == {("jump",), ("fade",)}
    assert {draw_background(rng, domain.backgrounds).kind for _ in range(20)} == {"white"}
    sprite = torch.ones(4, 128, 128)
    assert all(40 <= place((sprite,), rng, domain.sizes, domain.reach)[0].size <= 50 for _ in range(20))
    assert read_configuration(write(tmp_path, GOOD))["domain"] == Domain()


@pytest.mark.parametrize("line,complaint", [
    ('motions = ["jmp"]', r"\[domain\] motions has 'jmp', which is none of jump, left"),
    ('motions = ["left"]\noften = ["jump"]', r"\[domain\] often has 'jump', which is none of left"),
    ('backgrounds = ["forest"]', r"\[domain\] backgrounds has 'forest', which is none of white"),
    ("pairs = 2", r"\[domain\] pairs = 2 must be from 0 to 1"),
    ('motions = ["down", "fade"]\npairs = 0.5', r"\[domain\] pairs = 0.5, but none of the pairs is of its motions alone"),
    ("sizes = [60, 44]", r"\[domain\] sizes = \[60, 44\] must be two numbers"),
])
def test_a_wrong_domain_is_told(tmp_path, line, complaint):
    with pytest.raises(BadConfiguration, match=complaint):
        read_configuration(write(tmp_path, f"{GOOD}\n[domain]\n{line}\n"))


def test_a_decoder_is_trained_for_latents_that_stay_as_they_are(tmp_path, repository, book):
    text = GOOD.replace("minutes = 1", f"""steps = 2
rate = 2e-4
begin_with = "{repository / 'models' / 'emoji'}"
part = "decoder"
optimizer = "muon"
own_share = 0.5
compile = false
pictures = 2
pictures_share = 0.5""")
    settings = read_configuration(write(tmp_path, text))["vae"]
    begun = published_weights(repository / "models" / "emoji")
    training = VaeTraining(0, settings, book, tmp_path)
    training.train()
    assert training.step == 2
    finished = finished_weights(tmp_path, book, settings)
    changed = {name for name, weight in begun.items() if not torch.equal(weight, finished[name])}
    assert changed and all(name.startswith(("decoder.", "post_quant_conv.")) for name in changed)
    again = VaeTraining(0, settings, book, tmp_path)
    assert again.step == 2 and len(again.optimizers) == 2


def test_a_stopped_pool_is_told_before_training(tmp_path):
    training = Training.__new__(Training)
    training.work = tmp_path
    with pytest.raises(checkpoint.CheckpointFault, match="There is no finished pool in .*: the command pool makes it"):
        training.transformer()


def test_a_step_keeps_to_its_device(tmp_path, repository, monkeypatch):
    """On a device that computes nothing and refuses what mixes devices: nothing of a GPU's training is left on the CPU."""
    shutil.copytree(repository / "models" / "emoji", tmp_path / "model")
    latents = torch.randn(16, 30, 12, 12).half()
    picture = torch.zeros(3, 96, 96, dtype=torch.uint8)
    places = [WindowPlace("forward", None, 20, 1, 20), WindowPlace("inverted", 2, 1, 10, 29)]
    clips = [PooledClip(latents, latents[:, :1], picture, ["The fox jumps."] * 8, places, ("jump",))] * 2
    (tmp_path / "pool").mkdir()
    save_pool(tmp_path / "pool" / "0000.pool", clips)
    torch.save(torch.ones(16), tmp_path / "channel_weights.pt")
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    training = TransformerTraining(0, {"seed": 1, "device": "meta", "rate": 1e-3, "batch": 2, "steps": 1}, tmp_path)
    assert [sampler.kinds[0].schedule for sampler in training.samplers] == ["forward", "inverted"]
    for sampler in training.samplers:
        loss, error = training.loss(sampler.kinds[0], sampler.rows[0][:2])
        loss.backward()
        assert (loss.device.type, error.device.type) == ("meta", "meta")
    training.average.update(training.both, 1)
