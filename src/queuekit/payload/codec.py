"""The codec of an app: whole calls and results, under a cipher if it has one."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from queuekit.errors import PayloadError
from queuekit.payload.forms import Names, name_of
from queuekit.payload.places import OnlyOurErrors, is_tag
from queuekit.payload.reading import Loader
from queuekit.payload.registry import Registry
from queuekit.payload.text import (
    ENCODER,
    ENCRYPTED,
    UNSTORABLE,
    Unstorable,
    fit,
    has_tags,
    read,
    shown,
)
from queuekit.payload.writing import Dumper

_SEAL: Final = f'{{"{ENCRYPTED}"'


class Cipher(Protocol):
    """What encrypts payloads. A `cryptography.fernet.Fernet` is one."""

    def encrypt(self, data: bytes, /) -> bytes:
        """The secret form of `data`."""
        ...

    def decrypt(self, token: bytes, /) -> bytes:
        """What `encrypt` was given; raises if the token was changed or made with another key."""
        ...


class Codec(Registry):
    """Writes and reads arguments and results; an app has one.

    With a `cipher`, whatever is written is encrypted; what was written without one stays readable.
    """

    def __init__(self, names: Names) -> None:
        super().__init__(names)
        self.cipher: Cipher | None = None

    # --- arguments

    def dump_arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str] = ()
    ) -> str:
        """The payload of a call: ``{"args": [...], "kwargs": {...}}``.

        `names` are those of the positional parameters, so that an error can name them.

        Raises:
            PayloadError: a value has no exact form, or the whole is larger than `MAX_PAYLOAD`.
        """
        with OnlyOurErrors("arguments"):
            dumper = Dumper(self, "arguments")
            dumper.check_names(kwargs)
            call = {
                "args": [
                    dumper.root(value, names[at] if at < len(names) else f"args[{at}]")
                    for at, value in enumerate(args)
                ],
                "kwargs": {name: dumper.root(value, name) for name, value in kwargs.items()},
            }
            return self._seal(ENCODER.encode(call), "arguments")

    def load_arguments(
        self, payload: str, names: Sequence[str] = ()
    ) -> tuple[list[Any], dict[str, Any]]:
        """The positional and keyword arguments that `dump_arguments` wrote; `names` as there.

        Raises:
            ReferenceGone: what an argument refers to is not there any more; `DiscardedReference`
                if the job is to be discarded then.
            LoadFailed: the load of a registered type raised; the cause is kept.
            PayloadError: the text cannot be read back here.
        """
        with OnlyOurErrors("arguments"):
            text = unsealed(payload, self.cipher, "arguments")
            args, kwargs = _call_of(read(text, "arguments"))
            if has_tags(text):
                loader = Loader(self)
                args = [
                    loader.root(form, names[at] if at < len(names) else f"args[{at}]")
                    for at, form in enumerate(args)
                ]
                kwargs = {name: loader.root(form, name) for name, form in kwargs.items()}
            return args, kwargs

    # --- results

    def dump_result(self, value: Any) -> str | None:
        """JSON text of a task's result; None stays None.

        Never raises, so that a job whose work is done reaches its final state: a result that has no
        exact form is kept as ``{"$unstorable": repr}``.
        """
        if value is None:
            return None
        try:
            return self._seal(self.dumps(value, "result"), "result")
        except BaseException:  # a user's hook may raise anything
            start = shown(value)
        try:
            return self._seal(ENCODER.encode({UNSTORABLE: start}), "result")
        except BaseException:  # as may a cipher; without it, nothing of the result is shown
            return ENCODER.encode({UNSTORABLE: "a result that could not be encrypted"})

    def load_result(self, text: str | None) -> Any:
        """The result that `dump_result` wrote.

        Raises:
            Unstorable: it had no exact form.
            ReferenceGone: what it refers to is not there any more.
            LoadFailed: the load of a registered type raised; the cause is kept.
            PayloadError: the text cannot be read back here.
        """
        if text is None:
            return None
        with OnlyOurErrors("result"):
            plain = unsealed(text, self.cipher, "result")
            form = read(plain, "result")
            if not has_tags(plain):
                return form
            if type(form) is dict and is_tag(form) and UNSTORABLE in form:
                raise Unstorable(str(form[UNSTORABLE]))
            return Loader(self).root(form, "result")

    # --- one value, for people: never encrypted

    def dumps(self, value: Any, path: str) -> str:
        """The JSON text of one value, which an error names as `path`.

        Raises:
            PayloadError: it has no exact form, or is larger than `MAX_PAYLOAD`.
        """
        with OnlyOurErrors(path):
            return fit(ENCODER.encode(Dumper(self, path).root(value, path)), path)

    def loads(self, text: str) -> Any:
        """The value of a JSON text that `dumps` wrote, or a person.

        Raises:
            ReferenceGone: what it refers to is not there.
            PayloadError: the text is no JSON, or cannot be read back here.
        """
        with OnlyOurErrors("value"):
            form = read(text, "value")
            return Loader(self).root(form, "value") if has_tags(text) else form

    # --- the cipher

    def _seal(self, text: str, what: str) -> str:
        if self.cipher is None:
            return fit(text, what)
        try:
            secret = base64.b64encode(self.cipher.encrypt(text.encode())).decode()
        except Exception as problem:  # whose own message may show what it was given
            kind = name_of(type(problem))
            raise PayloadError(what, f"the app's cipher cannot encrypt: {kind}") from None
        return fit(ENCODER.encode({ENCRYPTED: secret}), what)


def unsealed(text: str, cipher: Cipher | None, what: str) -> str:
    """The text under a cipher, or one that was written without, as it is.

    Raises:
        PayloadError: it is encrypted, and this cipher does not open it.
    """
    if not _is_sealed(text):
        return text
    if cipher is None:
        raise PayloadError(
            what, "encrypted, and this app has no cipher: give it the one that wrote them"
        )
    try:
        secret = base64.b64decode(json.loads(text)[ENCRYPTED], validate=True)
        return cipher.decrypt(secret).decode()
    except Exception:
        raise PayloadError(
            what, "encrypted, and not with the key of this app's cipher, or damaged"
        ) from None


def _is_sealed(text: str) -> bool:
    """Whether a text is an encrypted one; a user's dict may begin like it, and goes on."""
    if not text.startswith(_SEAL):
        return False
    try:
        return len(json.loads(text)) == 1
    except ValueError:
        return True  # a damaged one


def _call_of(call: Any) -> tuple[list[Any], dict[str, Any]]:
    if type(call) is dict:
        args, kwargs = call.get("args"), call.get("kwargs")
        if type(args) is list and type(kwargs) is dict:
            return args, kwargs
    raise PayloadError("arguments", "no call, which has args and kwargs")
