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
