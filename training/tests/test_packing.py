"""Section plans and history are those of the published demos, recorded in tests/golden, which hold the server's too."""

import json

import pytest
import torch

from framecast_training.packing import (
    CONTEXT, WindowPlace, context_indices, context_of, grouped, latent_paddings, places, section_count)


def rows(repository, name):
    case = json.loads((repository / "tests/golden/cases/section_plan" / f"{name}.json").read_text())
    return case["expect"]["rows"], case["params"]["latent_window_size"]


@pytest.mark.parametrize("name", ["original_l9", "original_l5", "f1_l9", "f1_l5"])
def test_places_are_the_recorded_ones(repository, name):
    schedule = "inverted" if name.startswith("original") else "forward"
    checked = 0
    recorded, window = rows(repository, name)
    for row in recorded:
        assert section_count(row["seconds"], window) == row["sections"]
        if schedule == "inverted":
            assert latent_paddings(row["sections"]) == row["latent_paddings"]
        paddings = row["latent_paddings"] or [None] * row["sections"]
        for padding, section in zip(paddings, row["plan"]):
            if "noisy" not in section:
                continue
            own = places(schedule, padding, window)
            assert [list(own.noisy), list(own.clean1x), list(own.clean2x), list(own.clean4x)] == [
                section["noisy"], section["clean_1x"], section["clean_2x"], section["clean_4x"]]
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("name", ["original_l9", "f1_l9"])
def test_history_groups_hold_the_recorded_frames(repository, name):
    """Recorded ids: 0 a frame of zeros, 1 the start frame, 1000 (k + 1) + j frame j of section k."""
    schedule = "inverted" if name.startswith("original") else "forward"
    recorded, window = rows(repository, name)
    for row in recorded:
        made = [] if schedule == "inverted" else [1]
        for number, section in enumerate(row["plan"]):
            if "clean_1x_frames" not in section:
                break
            frames = torch.tensor(made, dtype=torch.float).view(1, -1, 1, 1)
            place = WindowPlace(schedule, None, 0, 0, len(made))
            history = frames[:, :CONTEXT] if schedule == "inverted" else frames[:, -CONTEXT:]
            context = context_of(history, WindowPlace(place.schedule, None, 0, 0, history.shape[1]))
            groups = grouped(schedule, torch.ones(1, 1, 1, 1, 1), context[None])
            assert groups.clean1x.flatten().tolist() == section["clean_1x_frames"]
            assert groups.clean2x.flatten().tolist() == section["clean_2x_frames"]
            assert groups.clean4x.flatten().tolist() == section["clean_4x_frames"]
            new = [1000 * (number + 1) + j for j in range(window)]
            is_first_in_time = schedule == "inverted" and number == row["sections"] - 1
            made = ([1] if is_first_in_time else []) + new + made if schedule == "inverted" else made + new


def test_context_is_nearest_first_inverted_and_last_forward():
    assert context_indices("inverted", 2)[:3] == [0, 1, None]
    assert context_indices("forward", 2)[-3:] == [None, 0, 1]
    assert context_indices("forward", 30) == list(range(11, 30))
