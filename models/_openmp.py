"""Makes sure that LightGBM finds an OpenMP runtime before it is imported.

LightGBM's wheel needs ``libgomp.so.1`` of the system; a bare machine may lack it. scikit-learn brings a copy under
another name. If the system has none, a copy whose own name reads ``libgomp.so.1`` is loaded first, and the loader is
content with it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys
import tempfile
from pathlib import Path

NAME = b"libgomp.so.1"


def ensure_openmp() -> str:
    """Loads the system's OpenMP runtime, else scikit-learn's; does nothing where LightGBM needs neither.

    Returns:
        where the runtime came from: ``system``, ``scikit-learn``, or ``not needed``.

    Raises:
        RuntimeError: neither is there.
    """
    # Threads that wait their turn must sleep: spinning made a 7-second training take minutes on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if not sys.platform.startswith("linux"):
        return "not needed"
    try:
        ctypes.CDLL(NAME.decode(), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        load_renamed(bundled_runtime())
        return "scikit-learn"
    return "system"


def bundled_runtime() -> Path:
    """The OpenMP runtime inside the scikit-learn wheel."""
    found = importlib.util.find_spec("sklearn")
    if found and found.origin:
        libraries = Path(found.origin).parent.parent / "scikit_learn.libs"
        for path in sorted(libraries.glob("libgomp*.so*")):
            return path
    raise RuntimeError("LightGBM needs the OpenMP runtime: install libgomp1 (Debian, Ubuntu) or libgomp (Red Hat)")


def load_renamed(path: Path) -> None:
    """Loads a copy of the runtime whose embedded name (longer, made by the wheel builder) is the plain one."""
    embedded = re.search(rb"libgomp-[0-9a-f]+\.so\.[0-9.]+\x00", path.read_bytes())
    content = path.read_bytes()
    if embedded:
        name = embedded.group()
        content = content.replace(name, NAME + b"\x00" * (len(name) - len(NAME)))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / NAME.decode()
        copy.write_bytes(content)
        ctypes.CDLL(str(copy), mode=ctypes.RTLD_GLOBAL)
