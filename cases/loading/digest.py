"""What identifies the results of a case."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

from cases.casefile.case import Case


def digest(case: Case, effective: str) -> str:
    """64 hexadecimal digits: of the effective text, but for its title, and of the files that it reads."""
    data = tomllib.loads(effective)
    for words in ("title", "paper"):
        data.pop(words, None)
    known = hashlib.sha256(json.dumps(data, sort_keys=True).encode())
    module = (case.system.model or "").rpartition(":")[0]
    for name in (case.system.data, case.domain.mesh, module if module.endswith(".py") else None):
        if name is not None and Path(name).is_file():
            known.update(hashlib.sha256(Path(name).read_bytes()).digest())
    return known.hexdigest()
