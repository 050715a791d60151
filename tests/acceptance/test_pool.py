"""The pool on real weights: what is unloaded gives its memory back, seen by the operating system."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: the libraries of other tests would blur what belongs to the model.
_LEASE_TWICE = """
import json, psutil
from models.catalog import Catalog
from models.pool import Pool
from models.text.base import Message, TextRequest

process = psutil.Process()
pool = Pool(Catalog(), threads=2)
request = TextRequest(messages=(Message(role="user", content="Say hello."),), max_tokens=8, seed=1)

def rss():
    return process.memory_info().rss // 2**20

def use():
    with pool.lease("qwen2.5-coder-0.5b") as model:
        model.generate(request)
        return rss()

use()
pool.evict("qwen2.5-coder-0.5b")  # the libraries stay: what they take is not the model's
empty = rss()
loaded = use()
pool.evict("qwen2.5-coder-0.5b")
again = rss()
pool.close()
print(json.dumps({"empty": empty, "loaded": loaded, "again": again, "left": len(pool.loaded())}))
"""


@pytest.mark.acceptance
def test_unloading_a_real_model_gives_its_memory_back() -> None:
    root = Path(__file__).parent.parent.parent
    answer = subprocess.run(
        [sys.executable, "-c", _LEASE_TWICE], capture_output=True, text=True, cwd=root, check=False, timeout=280
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    measured = json.loads(answer.stdout.splitlines()[-1])
    taken = measured["loaded"] - measured["empty"]
    assert taken > 400  # MiB: the weights alone are 469
    assert measured["again"] - measured["empty"] < 0.1 * taken
    assert measured["left"] == 0
