"""Configuration files: what may stand in them, and a clear word for what may not."""

import tomllib
from pathlib import Path
from typing import Any

from .clips import Domain
from .motions import MOTIONS
from .scene import PLAIN_BACKGROUNDS

KNOWN: dict[str, dict[str, tuple[type, ...]]] = {
    "": {"seed": (int,), "ranks": (int,), "device": (str,), "drawers": (int,), "font": (str,), "work": (str,)},
    "vae": {"channels": (list,), "begin_with": (str,), "minutes": (int, float), "steps": (int,), "rate": (float,),
            "pictures": (int,), "pictures_share": (float,), "clips": (int,), "compile": (bool,), "part": (str,),
            "optimizer": (str,), "own_share": (int, float), "tell_seconds": (int,)},
    "domain": {"motions": (list,), "often": (list,), "pairs": (int, float), "gentle": (int, float), "other_speeds": (int, float),
               "two_subjects": (int, float), "shapes": (int, float), "sizes": (list,), "reach": (int, float),
               "backgrounds": (list,)},
    "pool": {"parts": (int,), "clips_per_part": (int,), "seed": (int,)},
    "transformer": {"begin_with": (str,), "minutes": (int, float), "steps": (int,), "rate": (float,), "batch": (int,),
                    "flat": (float,), "average": (float,), "corruption": (float,), "first_share": (float,), "file": (str,), "schedules": (list,),
                    "shape": (dict,), "tell_seconds": (int,)},
    "export": {"folder": (str,), "steps": (int,), "leaves_out": (list,)},
}
NEEDED = {"": ("seed", "ranks", "work"), "domain": (), "vae": ("channels",), "pool": ("parts", "clips_per_part", "seed"),
          "transformer": ("rate", "batch"), "export": ("folder", "steps")}


class BadConfiguration(Exception):
    pass


def read_configuration(file: Path) -> dict[str, Any]:
    """Parsed and checked; paths are relative to the file. @raises BadConfiguration naming the key and the value"""
    try:
        values = tomllib.loads(file.read_text())
    except OSError as cause:
        raise BadConfiguration(f"Cannot read {file}: {cause.strerror}") from cause
    except tomllib.TOMLDecodeError as cause:
        raise BadConfiguration(f"{file} is not TOML: {cause}") from cause
    values.setdefault("domain", {})
    for section, keys in KNOWN.items():
        table = values if section == "" else values.get(section)
        if not isinstance(table, dict):
            raise BadConfiguration(f"{file} has no table [{section}]")
        _check(file, section, {k: v for k, v in table.items() if section or k not in KNOWN}, keys)
    _check_ranges(file, values)
    values["domain"] = domain_of(values["domain"], file)
    values["work"] = str(file.parent / values["work"])
    for section, key in (("vae", "begin_with"), ("transformer", "begin_with"), ("export", "folder")):
        path = values[section].get(key)
        if path and (file.parent / path).exists():
            values[section][key] = str(file.parent / path)
    values["export"]["folder"] = str(file.parent / values["export"]["folder"])
    values["vae"]["domain"] = values["pool"]["domain"] = values["domain"]
    for section in ("vae", "pool", "transformer"):
        values[section].setdefault("seed", values["seed"])
        values[section]["device"] = values.get("device", "auto")
        values[section]["drawers"] = values.get("drawers", 0)
    return values


def _check(file: Path, section: str, table: dict[str, Any], keys: dict[str, tuple[type, ...]]) -> None:
    where = f"[{section}] " if section else ""
    for key, value in table.items():
        if key not in keys:
            raise BadConfiguration(f"{file}: there is no setting {where}{key}, only {', '.join(keys)}")
        if not isinstance(value, keys[key]) or (isinstance(value, bool) and bool not in keys[key]):
            wanted = " or ".join(kind.__name__ for kind in keys[key])
            raise BadConfiguration(f"{file}: {where}{key} = {value!r} must be {wanted}")
    for key in NEEDED[section]:
        if key not in table:
            raise BadConfiguration(f"{file}: {where}{key} is missing")


def domain_of(table: dict[str, Any], file: Path) -> Domain:
    """@raises BadConfiguration naming what does not exist, or a share that is none"""
    motions = table.get("motions", [motion.name for motion in MOTIONS])
    known_names = (("motions", [motion.name for motion in MOTIONS]), ("often", motions), ("backgrounds", PLAIN_BACKGROUNDS))
    for key, known in known_names:
        for name in table.get(key, ()):
            if name not in known:
                raise BadConfiguration(f"{file}: [domain] {key} has {name!r}, which is none of {', '.join(known)}")
    for key in ("pairs", "gentle", "other_speeds", "two_subjects", "shapes"):
        if not 0 <= table.get(key, 0) <= 1:
            raise BadConfiguration(f"{file}: [domain] {key} = {table[key]} must be from 0 to 1")
    sizes = table.get("sizes", [40, 62])
    if len(sizes) != 2 or not 8 <= sizes[0] <= sizes[1] <= 96:
        raise BadConfiguration(f"{file}: [domain] sizes = {sizes} must be two numbers from 8 to 96, the smaller one first")
    domain = Domain(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})
    if domain.pairs > 0 and not domain.compounds:
        raise BadConfiguration(f"{file}: [domain] pairs = {domain.pairs}, but none of the pairs is of its motions alone")
    return domain


def _check_ranges(file: Path, values: dict[str, Any]) -> None:
    ranges = {("", "ranks"): (1, 64), ("transformer", "batch"): (1, 4096), ("transformer", "rate"): (1e-6, 0.1),
              ("vae", "rate"): (1e-6, 0.1), ("pool", "parts"): (1, 100_000), ("pool", "clips_per_part"): (1, 10_000),
              ("export", "steps"): (1, 100), ("", "drawers"): (0, 256), ("vae", "own_share"): (0, 1), ("vae", "clips"): (1, 4096), ("vae", "minutes"): (0, 1e5), ("transformer", "minutes"): (0, 1e5)}
    for (section, key), (least, most) in ranges.items():
        value = (values if section == "" else values[section]).get(key)
        if value is not None and not least <= value <= most:
            where = f"[{section}] " if section else ""
            raise BadConfiguration(f"{file}: {where}{key} = {value} must be from {least} to {most}")
    for key, known in (("part", ("whole", "decoder")), ("optimizer", ("adamw", "muon"))):
        if values["vae"].get(key, known[0]) not in known:
            raise BadConfiguration(f"{file}: [vae] {key} = {values['vae'][key]!r} must be {' or '.join(known)}")
    if values["vae"].get("part") == "decoder" and not values["vae"].get("begin_with"):
        raise BadConfiguration(f"{file}: [vae] part = 'decoder' needs begin_with: the encoder is that one's")
    if values.get("device", "auto") not in ("auto", "cpu", "cuda"):
        raise BadConfiguration(f"{file}: device = {values['device']!r} must be auto, cpu or cuda")
    for section in ("vae", "transformer"):
        if not {"minutes", "steps"} & set(values[section]):
            raise BadConfiguration(f"{file}: [{section}] needs minutes or steps")
