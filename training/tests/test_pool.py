"""What is drawn, encoded and kept, and what training takes from it."""

import time

import numpy as np
import pytest
import torch

from framecast_training.__main__ import Training
from framecast_training.clips import Domain
from framecast_training.packing import context_of
from framecast_training.pool import CLIPS_AT_ONCE, Parts, Pool, encode_clips, parts_of, save_pool, work_draw, work_pool
from framecast_training.train_transformer import Captions, Sampler
from framecast_training.texts import Texts
from framecast_training.vae import Autoencoder, VaeShape

SETTINGS = {"parts": 2, "clips_per_part": 3, "seed": 9, "domain": Domain(), "device": "cpu"}


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return Autoencoder(VaeShape((8, 8, 8, 8))).eval()


@pytest.fixture(scope="module")
def clips(book, vae, tmp_path_factory):
    drawn = Parts(SETTINGS, book, tmp_path_factory.mktemp("none"), [0, 1])
    return [encode_clips(vae, drawn[index][1]) for index in (0, 1)]


@pytest.fixture(scope="module")
def folder(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    for number, part in enumerate(clips):
        save_pool(folder / f"{number:04d}.pool", part)
    return folder


def test_a_part_is_the_same_whoever_draws_it(book, tmp_path, vae, clips):
    work_draw(0, 1, SETTINGS, book, tmp_path)
    ahead = Parts(SETTINGS, book, tmp_path, [0, 1])
    assert all(ahead.file_of(number).exists() for number in (0, 1))
    for own, (_, drawn) in zip(clips, (ahead[0], ahead[1])):
        assert [clip.captions for clip in own] == [clip.captions for clip in drawn]
        assert all(torch.equal(clip.picture, other.frames[0]) for clip, other in zip(own, drawn))


def test_drawers_make_what_is_made_without_them(book, tmp_path, vae, folder):
    for name, drawers in (("alone", 0), ("ahead", 2)):
        work_pool(0, 1, {**SETTINGS, "drawers": drawers}, vae, book, tmp_path / name)
    made = [torch.load(tmp_path / name / "pool" / "0001.pool", weights_only=False) for name in ("alone", "ahead")]
    assert torch.equal(made[0]["latents"], made[1]["latents"]) and made[0]["captions"] == made[1]["captions"]


def test_clips_of_one_length_are_encoded_together_and_stay_in_order(book, vae, tmp_path, monkeypatch):
    monkeypatch.setitem(CLIPS_AT_ONCE, "cpu", 16)
    parts = Parts(SETTINGS, book, tmp_path, [0, 1])
    drawn = parts[0][1] + parts[1][1]
    together = encode_clips(vae, drawn)
    for clip, drawn_clip in zip(together, drawn):
        alone = encode_clips(vae, [drawn_clip])[0]
        assert torch.allclose(clip.latents.float(), alone.latents.float(), atol=2e-2)
        assert torch.allclose(clip.start.float(), alone.start.float(), atol=2e-2)


def test_a_pool_gives_windows_and_pasts_of_its_clips(clips, folder):
    pool = Pool(parts_of(folder), "cpu")
    flat = [clip for part in clips for clip in part]
    assert [place for _, place in pool.places] == [place for clip in flat for place in clip.places]
    numbers = torch.arange(len(pool.places))
    windows, starts, contexts, pictures = pool.batch(numbers)
    for number, (of, place) in enumerate(pool.places):
        clip = flat[of]
        assert torch.equal(windows[number], clip.latents[:, place.window_start:place.window_start + 9].float())
        assert torch.equal(contexts[number], context_of(clip.latents, place).float())
        assert torch.equal(starts[number], clip.start.float()) and torch.equal(pictures[number], clip.picture)


def test_samples_of_a_batch_are_of_one_kind(repository, clips, folder):
    texts = Texts(repository / "models" / "emoji")
    pool = Pool(parts_of(folder) * 8, "cpu")
    captions = Captions(pool, texts, "cpu")
    for schedule in ("forward", "inverted"):
        sampler = Sampler(pool, captions, schedule, np.random.default_rng(1), 0.5)
        for _ in range(10):
            kind, rows = sampler.draw(5)
            assert kind.schedule == schedule
            for number, caption in rows:
                clip, place = pool.places[number]
                assert (place.schedule, place.padding, place.is_first) == (schedule, kind.padding, kind.is_first)
                text = next(text for text in pool.captions[clip] if captions.number[text] == caption)
                assert captions.llama[caption, :kind.tokens].tolist() == texts.llama_ids(text)
                assert captions.clip[caption].tolist() == texts.clip_ids(text)


def test_clips_are_drawn_beside_what_keeps_a_gpu_busy(font, tmp_path):
    training = Training.__new__(Training)
    training.settings = {"drawers": 2, "work": str(tmp_path), "font": str(font), "pool": {**SETTINGS, "parts": 50},
                         "vae": {"channels": [8, 8, 8, 8]}}
    with training.drawing_ahead():
        deadline = time.monotonic() + 120
        while not list((tmp_path / "drawn").glob("*.clips")) and time.monotonic() < deadline:
            time.sleep(0.1)
    drawn = len(list((tmp_path / "drawn").glob("*.clips")))
    assert 0 < drawn < 50
    time.sleep(1)
    assert len(list((tmp_path / "drawn").glob("*.clips"))) == drawn
