"""Who acts: the account of the operating system, never what an environment variable says."""

from __future__ import annotations

import os


def account() -> str:
    """Name of the account that runs this process."""
    if os.name == "posix":
        import pwd

        try:
            return pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            return f"account {os.geteuid()}"
    return os.getlogin()
