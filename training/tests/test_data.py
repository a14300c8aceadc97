"""Clips begin at rest, say what they do, and are the same for the same seed."""

import numpy as np
import pytest
import torch

from framecast_training.captions import OTHER_TEXTS, caption
from framecast_training.clips import Timeline, draw_motions
from framecast_training.motions import BY_NAME, COMPOUNDS, MOTIONS, SPEEDS, Room, change_of, period_of
from framecast_training.pool import FAMILIES, phases_of
from framecast_training.scene import Placed, Scene, draw_background

ROOM = Room(20, 20, 20, 20, 60, 60)


def scene(motions=("jump",), seed=3):
    rng = np.random.default_rng(seed)
    sprite = torch.zeros(4, 128, 128)
    sprite[:, 20:108, 40:90] = torch.tensor([0.8, 0.2, 0.1, 1.0]).view(4, 1, 1)
    return Scene((Placed(sprite, 48, 50, 48),), draw_background(rng), motions)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_motion_rests_at_whole_phases_and_moves_between(name):
    own = scene((name,))
    frames = own.draw(np.array([0.0, 1.0, 3.0, 0.3]))
    assert (frames[0].int() - frames[1].int()).abs().max() <= 1
    assert (frames[0].int() - frames[2].int()).abs().max() <= 1
    assert (frames[0].int() - frames[3].int()).abs().max() > 20


def test_no_period_divides_a_section():
    for speed in SPEEDS:
        for motion in MOTIONS:
            sections = 36 / period_of((motion.name,), speed)
            assert abs(sections - round(sections)) > 0.01, (motion.name, speed.name)


def test_compounds_change_what_both_change():
    for pair in COMPOUNDS:
        both, one, other = (change_of(names, 0.3, ROOM) for names in (pair, pair[:1], pair[1:]))
        assert both != one and both != other


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.5, 0.83])
@pytest.mark.parametrize("period", [23.1, 40, 68, 118])
def test_a_bridge_begins_at_rest_and_ends_at_the_phase_without_going_back(phase, period):
    frames = np.arange(0, 110)
    phases = Timeline(period).bridged(frames, 72, phase)
    assert phases[0] == pytest.approx(round(phases[0]), abs=1e-6)
    assert phases[72] == pytest.approx(phase)
    assert np.all(np.diff(phases) > 0)
    assert np.diff(phases)[75:] == pytest.approx(1 / period)


def test_captions_name_their_motion_or_nothing():
    rng = np.random.default_rng(1)
    for _ in range(300):
        motions = draw_motions(rng)
        text = caption(motions, SPEEDS[0], ("fox",), rng).lower()
        if motions == ("gentle",):
            continue
        phrases = [p.split("{")[0].lower() for name in motions for p in BY_NAME[name].phrases]
        assert any(phrase in text for phrase in phrases), (motions, text)
    assert "" in OTHER_TEXTS


@pytest.mark.parametrize("family", FAMILIES)
def test_windows_lie_inside_their_clip(family):
    class Spec:
        timeline = Timeline(40)

    for seed in range(8):
        phases, windows = phases_of(family, Spec, np.random.default_rng(seed))
        latent_frames = (len(phases) - 1) // 4 + 1
        assert (len(phases) - 1) % 4 == 0
        for place in windows:
            assert 0 <= place.window_start and place.window_start + 9 <= latent_frames
            assert place.history_end <= latent_frames
            if place.schedule == "forward":
                assert place.history_end == place.window_start
            else:
                assert place.history_start == place.window_start + 9


def test_the_same_seed_draws_the_same_clip(book):
    from framecast_training.clips import draw_clip

    first, second = (draw_clip(book, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first.scene.draw(np.array([0.0, 0.4])), second.scene.draw(np.array([0.0, 0.4])))
    held = {s.glyph for s in book.subjects if s.held_out}
    assert 60 < len(held) < 200
    names = {draw_clip(book, np.random.default_rng(seed), held_out=True).nouns[0] for seed in range(40)}
    allowed = {s.name for s in book.everyone if s.held_out}
    assert names <= allowed


def test_clips_that_teach_words_share_their_start_picture(book):
    from framecast_training.clips import draw_clip, with_other_motions

    for seed in range(4):
        rng = np.random.default_rng(seed)
        specs = with_other_motions(draw_clip(book, rng), 3, rng)
        assert len({spec.scene.motions for spec in specs}) == 3
        starts = [spec.scene.draw(np.zeros(1)) for spec in specs]
        assert all(torch.equal(start, starts[0]) for start in starts), [spec.scene.motions for spec in specs]


def test_a_narrow_domain_gives_the_motions_it_has(book):
    from framecast_training.clips import Domain, draw_clip, with_other_motions

    rng = np.random.default_rng(1)
    few = Domain(motions=("jump", "spin"), pairs=0.0, gentle=0.0)
    specs = with_other_motions(draw_clip(book, rng, domain=few), 3, rng, few)
    assert {spec.scene.motions for spec in specs} == {("jump",), ("spin",)}
    pairs = Domain(motions=("jump", "spin"), pairs=1.0, gentle=0.0)
    assert {draw_motions(rng, pairs) for _ in range(20)} == {("jump", "spin")}
