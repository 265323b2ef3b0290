"""The seconds that stages take, measured when they run, and remembered by what they run on.

A stage that a trial takes from DVC's run-cache costs that trial nothing. Its recipe nevertheless needs it: the seconds
are those of the trial that ran it.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from transfer.common import io

LOCK_FILE = "dvc.lock"


def digest(stage: str, entry: Mapping[str, Any]) -> str:
    """What a stage ran on, by its entry in dvc.lock: command, dependencies and parameters."""
    inputs = [stage, *(entry.get(key) for key in ("cmd", "deps", "params"))]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:20]


def entries(lock: str | None) -> dict[str, Any]:
    """The stages of a dvc.lock by name; empty if there is none."""
    try:
        stages = YAML(typ="safe").load(lock or "")["stages"]
    except (YAMLError, TypeError, KeyError):
        return {}
    return stages if isinstance(stages, dict) else {}


class Durations:
    """The measured seconds, in a file. Several threads may use it.

    Args:
        path: the file. If it is missing or damaged, nothing is measured yet.
    """

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.Lock()
        self._seconds: dict[str, dict[str, float]] = {"stages": {}, "unfinished": {}}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            for kind, of_kind in self._seconds.items():
                of_kind |= {str(key): float(value) for key, value in content[kind].items()}
        except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError):
            pass

    def unfinished(self, trial: str, stage: str) -> float:
        """The seconds that a trial spent on a stage before it was killed."""
        return self._seconds["unfinished"].get(f"{trial} {stage}", 0.0)

    def running(self, trial: str, stage: str, seconds: float) -> None:
        """Record that a trial has spent so many seconds on a stage, in all runs of the sweep together."""
        with self._lock:
            self._seconds["unfinished"][f"{trial} {stage}"] = seconds
            self._write()

    def finished(self, trial: str, stage: str, seconds: float, folder: Path) -> None:
        """Record that a stage took so many seconds. Its entry is in dvc.lock of the trial's clone."""
        path = folder / LOCK_FILE
        entry = entries(path.read_text(encoding="utf-8") if path.exists() else None).get(stage)
        with self._lock:
            self._seconds["unfinished"].pop(f"{trial} {stage}", None)
            if isinstance(entry, dict):
                self._seconds["stages"][digest(stage, entry)] = seconds
            self._write()

    def of(self, stage: str, entry: Mapping[str, Any]) -> float | None:
        """The seconds of a stage, by its entry in dvc.lock; None if it was never measured."""
        return self._seconds["stages"].get(digest(stage, entry))

    def _write(self) -> None:
        io.write_json(self._path, self._seconds)
