"""What this machine has: cores, memory, GPU. Asked once, without importing a runtime.

Design:
- The GPU is asked of the driver's own tool (`nvidia-smi`) in a subprocess: importing torch to learn that there
  is no GPU costs seconds and 200 MB.
- A GPU counts only when the installed torch can use it: a build tagged "+cpu" cannot.
- Limits of a container (cgroup v2 and v1) lower what the machine seems to have.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Gpu:
    """One CUDA device. Memory in MiB."""

    name: str
    total_mb: int
    free_mb: int


@dataclass(frozen=True)
class Hardware:
    """This machine. Memory in MiB; `gpu_usable` = there is one and the installed torch can use it."""

    system: str
    processor: str
    cores: int
    memory_mb: int
    available_mb: int
    gpus: tuple[Gpu, ...]
    gpu_usable: bool


def detect() -> Hardware:
    """The machine as it is now; the GPU is asked once in a process."""
    total, available = memory_mb()
    return Hardware(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=cores(),
        memory_mb=total,
        available_mb=available,
        gpus=gpus(),
        gpu_usable=gpu_mb() > 0,
    )


def cores() -> int:
    """Cores this process may use: affinity and the container's quota considered, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_cores()
    return max(1, min(affinity, quota) if quota else affinity)


def memory_mb() -> tuple[int, int]:
    """(total, available) MiB, the container's limit considered."""
    import psutil

    memory = psutil.virtual_memory()
    total, available = memory.total // _MIB, memory.available // _MIB
    limit = _cgroup_number("memory.max", "memory/memory.limit_in_bytes")
    if limit and limit // _MIB < total:
        used = _cgroup_number("memory.current", "memory/memory.usage_in_bytes") or 0
        total = limit // _MIB
        available = max(0, min(available, (limit - used) // _MIB))
    return total, available


@lru_cache(maxsize=1)
def gpus() -> tuple[Gpu, ...]:
    """CUDA devices by the driver's account; none when hidden by CUDA_VISIBLE_DEVICES or without a driver."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        return ()
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    found = []
    for line in answer.stdout.splitlines():
        fields = [field.strip() for field in line.rsplit(",", 2)]
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit():
            found.append(Gpu(name=fields[0], total_mb=int(fields[1]), free_mb=int(fields[2])))
    return tuple(found)


@lru_cache(maxsize=1)
def torch_has_cuda() -> bool:
    """Whether the installed torch is a CUDA build, by its metadata alone."""
    try:
        return "+cpu" not in metadata.version("torch")
    except metadata.PackageNotFoundError:
        return False


def gpu_mb() -> int:
    """MiB of the largest GPU the installed torch can use, 0 without one."""
    return max((gpu.total_mb for gpu in gpus()), default=0) if gpus() and torch_has_cuda() else 0


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux: the platform's own words are used
    return platform.processor() or platform.machine()


def _cgroup_number(v2: str, v1: str) -> int | None:
    for path in (CGROUP / v2, CGROUP / v1):
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            return int(text)
    return None


def _cgroup_cores() -> int | None:
    try:
        quota, period = (CGROUP / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return max(1, int(quota) // int(period))
