"""
`python -m framecast_training.context_cost`: what a training step costs for videos of 1, 10, 60 and 120 seconds, with FramePack's
packing and with the whole history at full resolution.

The packed context is as long for every video, so that a video model trains at the batch sizes of an image model (FramePack,
arXiv 2504.12626, section 3.1). Each figure is a process of its own; times are medians of alternating rounds.
"""

import json
import resource
import statistics
import subprocess
import sys
import time

import torch

from .packing import CONTEXT, WINDOW, grouped, places
from .ranks import mixed_precision
from .rotary import rotary_table
from .transformer import Conditions, FramePackTransformer, History, Places, TransformerShape

SECONDS = (1, 10, 60, 120)
BATCH = 2
STEPS = 3
MEMORY_BYTES = 8 * 2**30
"""More is refused, so that the machine stays usable; what needs more ends as a failure."""


def latent_frames_before(seconds: float) -> int:
    """The past of the last section of a video."""
    return max(1, round(seconds * 30 / 36) * WINDOW - WINDOW + 1)


def measure(kind: str, seconds: float) -> dict:
    """One process: seconds per step and the most memory it held."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = FramePackTransformer(TransformerShape())
    past, size = latent_frames_before(seconds), 12
    start = torch.randn(BATCH, 16, 1, size, size)
    everything = torch.randn(BATCH, 16, past, size, size)
    if kind == "packed":
        context = everything.new_zeros(BATCH, 16, CONTEXT, size, size)
        seen = everything[:, :, -CONTEXT:]
        context[:, :, CONTEXT - seen.shape[2]:] = seen
        history, at = grouped("forward", start, context), places("forward")
    else:
        none = everything[:, :, :0]
        history = History(torch.cat((start, everything), 2), none, none)
        at = Places(tuple(range(past + 1, past + 1 + WINDOW)), tuple(range(past + 1)), (), ())
    rope = rotary_table(model.shape, at, size, size)
    conditions = Conditions(torch.randn(BATCH, 12, 64), torch.randn(BATCH, 64), torch.randn(BATCH, 16, 96))
    laps = []
    for _ in range(STEPS + 1):
        begun = time.process_time()
        with mixed_precision():
            velocity = model(torch.randn(BATCH, 16, WINDOW, size, size), torch.full((BATCH,), 500.0), conditions, history, rope)
        velocity.float().square().mean().backward()
        laps.append(time.process_time() - begun)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"tokens": rope[0].shape[0], "samples per processor second": round(BATCH / statistics.median(laps[1:]), 2),
            "MiB": round(memory)}


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], float(sys.argv[2]))))
        return
    for seconds in SECONDS:
        for kind in ("packed", "whole"):
            program = [sys.executable, "-m", "framecast_training.context_cost", kind, str(seconds)]
            done = subprocess.run(program, capture_output=True, text=True, check=False)
            if done.returncode != 0 and "memory" not in done.stderr:
                raise RuntimeError(done.stderr)
            outcome = done.stdout.strip() if done.returncode == 0 else f"needs more than {MEMORY_BYTES >> 30} GiB"
            print(f"{seconds:4d} s, {kind:6s} {outcome}", flush=True)


if __name__ == "__main__":
    main()
