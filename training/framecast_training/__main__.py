"""
`python -m framecast_training COMMAND [--config emoji.toml]`

  vae          train the autoencoder
  draw         draw the pool's clips ahead, while a GPU is busy with the autoencoder
  pool         draw clips and encode them
  transformer  train the transformer with its encoders
  export       write the model folder
  evaluate     measure it and write figures and contact sheets
  all          one after the other

Each goes on where it stopped. Ctrl-C keeps the last checkpoint, at most two minutes old.
"""

import argparse
import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from . import checkpoint
from .clips import SpriteBook
from .configuration import BadConfiguration, read_configuration
from .export import export
from .pool import Pool, parts_of, work_draw, work_pool
from .ranks import device_of, run_ranks
from .sprites import MissingFont, find_font
from .texts import corpus, train_tokenizers
from .train_transformer import work_transformer
from .train_vae import finished_weights, published_weights, work_vae
from .vae import Autoencoder, VaeShape
from .vae_start import channel_weights

COMMANDS = ("vae", "draw", "pool", "transformer", "export", "evaluate", "all")
HERE = Path(__file__).resolve().parent.parent


class Training:
    def __init__(self, settings: dict):
        self.settings = settings
        self.work = Path(settings["work"])
        self.work.mkdir(parents=True, exist_ok=True)
        self.book = SpriteBook(find_font(settings.get("font") or None), self.work)
        self.shape = VaeShape(tuple(settings["vae"]["channels"]))

    def all(self) -> None:
        with self.drawing_ahead():
            self.vae()
        for command in (self.pool, self.transformer, self.export, self.evaluate):
            command()

    @contextmanager
    def drawing_ahead(self) -> Iterator[None]:
        """`draw` beside what keeps a GPU busy. What is not drawn by then, the pool draws itself."""
        if not self.settings.get("drawers"):
            yield
            return
        ahead = multiprocessing.get_context("spawn").Process(target=draw_until_stopped, args=(self.settings,))
        ahead.start()
        try:
            yield
        finally:
            ahead.terminate()
            ahead.join()

    def vae(self) -> None:
        if self.settings["vae"].get("minutes") == 0:
            print("vae: taken as it is")
            return
        run_ranks(self.training_ranks("vae"), work_vae, self.settings["vae"], self.book, self.work)

    def draw(self) -> None:
        ranks = max(1, self.settings.get("drawers", 0))
        run_ranks(ranks, work_draw, ranks, self.settings["pool"], self.book, self.work)

    def pool(self) -> None:
        vae = Autoencoder(self.shape)
        vae.load_state_dict(self.vae_weights())
        settings = {**self.settings["pool"], "device": device_of(self.settings["pool"])}
        ranks = self.training_ranks("pool")
        run_ranks(ranks, work_pool, ranks, settings, vae, self.book, self.work)
        windows, *_ = Pool(parts_of(self.work / "pool")[:1], "cpu").batch(torch.arange(2))
        torch.save(channel_weights(vae.to("cpu").eval(), windows[:, :, :5]), self.work / "channel_weights.pt")

    def transformer(self) -> None:
        if not (self.work / "channel_weights.pt").exists():
            raise checkpoint.CheckpointFault(f"There is no finished pool in {self.work}: the command pool makes it, and goes on where it stopped")
        self.tokenizers()
        run_ranks(self.training_ranks("transformer"), work_transformer, self.settings["transformer"], self.work)

    def training_ranks(self, table: str) -> int:
        """A GPU is one rank's."""
        return 1 if device_of(self.settings[table]) == "cuda" else self.settings["ranks"]

    def tokenizers(self) -> None:
        """Those of the model that is trained on, or new ones."""
        folder, begin = self.work / "model", self.settings["transformer"].get("begin_with")
        if (folder / "tokenizer").exists():
            return
        if begin and (Path(begin) / "tokenizer").is_dir():
            for part in ("tokenizer", "tokenizer_2"):
                (folder / part).mkdir(parents=True, exist_ok=True)
                for source in (Path(begin) / part).iterdir():
                    (folder / part / source.name).write_bytes(source.read_bytes())
        else:
            train_tokenizers(folder, corpus(self.book))

    def export(self) -> None:
        export(self.work, Path(self.settings["export"]["folder"]), self.book, self.settings, self.vae_weights())

    def evaluate(self) -> None:
        from .evaluate import evaluate

        model, device = Path(self.settings["export"]["folder"]), self.settings.get("torch")
        evaluate(model, self.work, self.book, self.settings["domain"], device=device)

    def vae_weights(self) -> dict[str, torch.Tensor]:
        begin = self.settings["vae"].get("begin_with")
        if self.settings["vae"].get("minutes") == 0 and begin:
            return published_weights(Path(begin))
        return finished_weights(self.work, self.book, self.settings["vae"])


def draw_until_stopped(settings: dict) -> None:
    """In a process of its own, which ends with the processes that it started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        Training(settings).draw()
    except KeyboardInterrupt:
        pass


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m framecast_training", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--config", type=Path, default=HERE / "emoji.toml")
    parser.add_argument("--torch", metavar="DEVICE", help="evaluate in PyTorch on cpu or cuda, not by framecast's engine")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: ranks end too
    try:
        training = Training({**read_configuration(given.config), "torch": given.torch})
        getattr(training, given.command)()
    except (BadConfiguration, MissingFont, checkpoint.CheckpointFault) as fault:
        print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the last checkpoint is kept", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
