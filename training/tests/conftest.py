import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def font() -> Path:
    from framecast_training.sprites import MissingFont, find_font

    try:
        return find_font()
    except MissingFont as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def book(font, tmp_path_factory):
    """All sprites of the font, and a few shapes."""
    from framecast_training.clips import SpriteBook

    return SpriteBook(font, tmp_path_factory.mktemp("book"), shapes=8)
