"""A WHEP client's side of HTTP, and what it tells the tests: one JSON line per fact on stdout."""
import json
import urllib.parse
import urllib.request


def request(url, method, body=None, content_type="application/sdp"):
    """Gives status, `Location` made absolute, and body."""
    headers = {"content-type": content_type} if body else {}
    message = urllib.request.Request(url, data=body, method=method, headers=headers)
    with urllib.request.urlopen(message) as response:
        location = urllib.parse.urljoin(url, response.headers.get("location", ""))
        return response.status, location, response.read()


def tell(**fact):
    print(json.dumps(fact), flush=True)


def cells_of(grey):
    """Mean of the inner half of each of the 8 x 4 cells of the block code in the lower half, row by row
    (tests/block_code.js). `grey`: array [height, width]."""
    height, width = grey.shape
    cells = []
    for row in range(4):
        for column in range(8):
            top = height // 2 + row * height // 8
            left = column * width // 8
            cell = grey[top + height // 32:top + 3 * height // 32, left + width // 32:left + 3 * width // 32]
            cells.append(float(cell.mean()))
    return cells
