"""huggingface_hub and the cache: `fetch` brings files into it, `find` looks for them in it. Prints JSON.

python3 hub_cache_client.py fetch|find REPO/PATH ...   (OWNER/NAME/PATH; HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE as usual)
"""

import hashlib
import json
import os
import sys

from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download


def main(what, names):
    found = {}
    for name in names:
        owner, repo, path = name.split("/", 2)
        file = hf_hub_download(f"{owner}/{repo}", path)
        with open(file, "rb") as opened:
            found[name] = hashlib.sha256(opened.read()).hexdigest()
    if what == "fetch":
        return {"found": found}
    repos = sorted({name.rsplit("/", name.count("/") - 1)[0] for name in names})
    return {
        "found": found,
        "snapshots": {repo: os.path.basename(snapshot_download(repo, allow_patterns=["*.json"])) for repo in repos},
        "warnings": [str(warning) for warning in scan_cache_dir().warnings],
        "repos": sorted(repo.repo_id for repo in scan_cache_dir().repos),
    }


print(json.dumps(main(sys.argv[1], sys.argv[2:])))
