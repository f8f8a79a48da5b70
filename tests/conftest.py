"""What every test process needs."""

import os
import sys
from collections.abc import Iterator

import pytest

# The main module of a worker that runs tests beside others has no file; pyspark takes such a process for one that tests
# documentation, and ends it on import.
main = sys.modules["__main__"]
if not hasattr(main, "__file__"):
    main.__file__ = __file__


@pytest.fixture(autouse=True)
def _settings_as_they_were() -> Iterator[None]:
    """A command or job that runs in the process of the tests names its home there: the next test begins without it."""

    def ours() -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if k.startswith(("ANTICIPATE_", "DAGSTER_"))}

    before = ours()
    yield
    for name in ours().keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)
