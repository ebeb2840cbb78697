"""What a user has written about the store, the app and the worker, and where it is written.

The strongest word comes first::

    argument or flag            its own command's business, nothing here
    QUEUEKIT_URL, ..._APP, QUEUEKIT_WORKER_LEASE, ...
    [profiles.NAME]             of the profile that --profile or QUEUEKIT_PROFILE names
    queuekit.toml
    pyproject.toml              its [tool.queuekit]
    default

Files are looked for from the current folder upward, and the first folder that has one ends the
search. Everything in them is checked, used or not, so that a misspelt key cannot lie there unread.
Each setting keeps its origin, and the folder that a relative path in it counts from.

::

    keys          what may be set, what it may be, and its default
    files         finding and reading files
    variables     the environment, and ${VAR} in a URL
    settings      the values that come out
    load          the layers, one above the other
"""

from queuekit.config.keys import KEYS, Key, default_of
from queuekit.config.load import load_config
from queuekit.config.settings import Config, Setting, StoreUrl

__all__ = ["KEYS", "Config", "Key", "Setting", "StoreUrl", "default_of", "load_config"]
