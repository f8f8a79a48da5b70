"""What every test process needs."""

import sys

# The main module of a worker that runs tests beside others has no file; pyspark takes such a process for one that tests
# documentation, and ends it on import.
main = sys.modules["__main__"]
if not hasattr(main, "__file__"):
    main.__file__ = __file__
