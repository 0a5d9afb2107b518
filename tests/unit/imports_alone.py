"""Imports every module of the four packages and prints what an import did besides defining things.

Run as a script, in a process of its own: an audit hook cannot be taken off again.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
from pathlib import Path
from types import FrameType

ALEMBICS_OWN = "storage.migrations.env"
"""Alembic executes it for each migration; it is no module that anybody imports."""

_EVENTS = {
    "socket.connect",
    "socket.bind",
    "socket.__new__",
    "sqlite3.connect",
    "subprocess.Popen",
    "os.mkdir",
}
_CODE = (".py", ".pyc", ".so", ".pth")


def culprit(folder: Path) -> str:
    """Whose code asked for it: the nearest frame of a library, or of a file in `folder`."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name != __file__ and ("site-packages" in name or name.startswith(str(folder))):
            return name
        frame = frame.f_back
    return ""


def main(folder: Path, packages: tuple[str, ...]) -> None:
    did: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(_CODE):
            return
        if event in _EVENTS or event == "open":
            who = culprit(folder)
            if who and "site-packages" not in who:
                did.append(f"{who}: {event} {arguments[0]}")

    sys.path.insert(0, str(folder))
    sys.addaudithook(hook)
    for package in packages:
        home = importlib.import_module(package)
        for module in pkgutil.walk_packages(home.__path__, package + "."):
            if module.name != ALEMBICS_OWN:
                importlib.import_module(module.name)
    did += [f"a thread: {t.name}" for t in threading.enumerate() if t is not threading.main_thread()]
    sys.stdout.write("\n".join(did))


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]))
