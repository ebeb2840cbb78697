"""Arguments and results as JSON text: exact, or refused with the place named. Never pickle.

The text is made once by the core and is opaque to every store. What JSON lacks is written as a tag,
an object whose only key starts with ``$``, such as ``{"$date": "2026-11-25"}``; a dict of the
user's that looks like one is written as ``{"$dict": {...}}``. What would not come back as it was is
refused before anything is stored, so that no store has to decide.

Reading a payload imports no module and calls no class: it only finds what is imported already, and
what the app has registered.

::

    forms       the standard types, one by one        text      JSON text, and its limits
    registry    the types that an app registers       places    where something was refused
    writing     values to JSON                        reading   and back
    codec       whole calls and results
"""

from queuekit.payload.codec import Cipher, Codec, unsealed
from queuekit.payload.forms import Names
from queuekit.payload.registry import BUILT_IN, DiscardedReference, Missing
from queuekit.payload.text import (
    CUT_MARK,
    ENCRYPTED,
    MAX_PAYLOAD,
    MAX_TEXT,
    UNSTORABLE,
    Unstorable,
    storable_text,
)
from queuekit.payload.writing import MAX_DEPTH

__all__ = [
    "BUILT_IN",
    "CUT_MARK",
    "ENCRYPTED",
    "MAX_DEPTH",
    "MAX_PAYLOAD",
    "MAX_TEXT",
    "UNSTORABLE",
    "Cipher",
    "Codec",
    "DiscardedReference",
    "Missing",
    "Names",
    "Unstorable",
    "storable_text",
    "unsealed",
]
