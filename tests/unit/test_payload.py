"""Arguments come back equal, or are refused with the place named; results can always be stored."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuekit.errors import ConfigurationError, LoadFailed, PayloadError, ReferenceGone
from queuekit.naming import ImportedNames
from queuekit.payload import (
    CUT_MARK,
    MAX_DEPTH,
    MAX_PAYLOAD,
    UNSTORABLE,
    Codec,
    DiscardedReference,
    Missing,
    Unstorable,
    storable_text,
)

CODEC = Codec(ImportedNames())


def refusal(
    args: list[Any], kwargs: dict[str, Any] | None = None, codec: Codec = CODEC
) -> PayloadError:
    with pytest.raises(PayloadError) as refused:
        codec.dump_arguments(args, kwargs or {})
    return refused.value


def back(value: Any, codec: Codec = CODEC) -> Any:
    args, kwargs = codec.load_arguments(codec.dump_arguments([value], {"key": value}))
    assert args == [kwargs["key"]]
    return args[0]


# ---------------------------------------------------------------- plain values


@pytest.mark.parametrize(
    "value",
    [
        *(2**53 + 1, 3889108265204450030, 2**63, 2**64, -(2**63) - 1, 10**4000),
        *(1e308, 5e-324, -0.0, 0.1, [], {}, [[]], {"": {}}, "", "\\u0000", "$", '"$'),
        *({"a": "$date", "$b": 1}, ["$"], "\u2028", "😀", True, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_plain_values_are_exact(value: Any) -> None:
    read = back(value)
    assert repr(read) == repr(value)
    assert read == value


def test_a_dict_that_begins_like_an_encrypted_text_is_none() -> None:
    value = {"$encrypted": "x", "more": 1}
    assert CODEC.load_result(CODEC.dump_result(value)) == value
    assert back(value) == value


def test_plain_values_are_written_as_plain_json() -> None:
    text = CODEC.dump_arguments([1, "ä"], {"a": [True, None]})
    assert text == '{"args":[1,"ä"],"kwargs":{"a":[true,null]}}'


def test_integers_of_any_length_are_exact() -> None:
    for value in (10**5000, -(10**5000), 2**14_190, 2**14_190 - 1):
        assert CODEC.loads(CODEC.dumps([value], "value")) == [value]


def test_values_are_left_as_they_are() -> None:
    value = [1, (2, {"$x": [Decimal(1)]}), {"a": {3}}]
    copy = [1, (2, {"$x": [Decimal(1)]}), {"a": {3}}]
    CODEC.dump_arguments([value], {"v": value})
    assert value == copy


# ---------------------------------------------------------------- places


class Size(IntEnum):
    """An enum that its name leads back to; what looks like one does not."""

    SMALL = 1


class Count(int):
    """An int that would come back as a plain one."""


@dataclass(frozen=True)
class Item:
    price: Any


@dataclass
class Order:
    items: list[Any] = field(default_factory=list)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (math.nan, "args[0]"),
        (math.inf, "args[0]"),
        ([1, -math.inf], "args[0][1]"),
        (Decimal("NaN"), "args[0]"),
        ({"a": {"b": [object()]}}, "args[0].a.b[0]"),
        ({"two words": {"é": object()}}, "args[0]['two words'].é"),
        ({"x" * 100: object()}, f"args[0]['{'x' * 40}']"),
        ({1: 2}, "args[0]"),
        ([{"a": {None: 2}}], "args[0][0].a"),
        ({Count(1): 2}, "args[0]"),
        ((1, (2, object())), "args[0][1][1]"),
        ({1, (2, 1j)}, "args[0]{...}[1]"),
        (frozenset({len}), "args[0]{...}"),
        (Order([1, Item(object())]), "args[0].items[1].price"),
        (Order([Item({"a": Item("\x00")})]), "args[0].items[0].price.a.price"),
        ({"$date": object()}, "args[0]['$date']"),
        (Count(1), "args[0]"),
        ("a\x00b", "args[0]"),
        ({"k\x00": 1}, "args[0] key 'k\\x00'"),
        ([{"k\ud800": 1}], "args[0][0] key 'k\\ud800'"),
        ("\ud800", "args[0]"),
        ("ok \udfff", "args[0]"),
        pytest.param("x" * MAX_PAYLOAD, "arguments", id="long"),
        pytest.param("ü" * (MAX_PAYLOAD // 2), "arguments", id="long in bytes"),
        pytest.param(b"x" * MAX_PAYLOAD, "arguments", id="long bytes"),
    ],
)
def test_what_has_no_exact_form_is_refused_with_its_place(value: Any, path: str) -> None:
    assert refusal([value]).path == path


def test_the_place_starts_with_the_parameter_if_it_is_known() -> None:
    with pytest.raises(PayloadError) as refused:
        CODEC.dump_arguments([1, Order([0, 1, Item(1j)])], {}, ["self", "order", "more"])
    assert str(refused.value) == (
        "order.items[2].price: a complex has no exact stored form; register it with"
        " app.register_type, or pass plain values"
    )
    with pytest.raises(PayloadError) as refused:
        CODEC.dump_arguments([1, 1j], {}, ["first"])
    assert refused.value.path == "args[1]"
    assert refusal([], {"order": {"a": 1j}}).path == "order.a"


@pytest.mark.parametrize("name", ["a\x00", "\ud800"])
def test_keywords_are_checked_as_well(name: str) -> None:
    assert refusal([], {name: 1}).path == f"arguments key {name!r}"


def test_a_keyword_that_looks_like_a_tag_is_none() -> None:
    text = CODEC.dump_arguments([], {"$date": ("x",)})
    assert CODEC.load_arguments(text) == ([], {"$date": ("x",)})


# ---------------------------------------------------------------- depth and size


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    "wrap",
    [
        lambda value: [value],
        lambda value: {"a": value},
        lambda value: {"$a": value},
        lambda value: (value,),
        lambda value: frozenset({value}),
        lambda value: Item(value),
    ],
    ids=["list", "dict", "like a tag", "tuple", "frozenset", "dataclass"],
)
def test_values_may_be_nested_to_a_known_depth(wrap: Callable[[Any], Any]) -> None:
    deepest = nested(MAX_DEPTH, wrap)
    assert back(deepest) == deepest
    refused = refusal([nested(MAX_DEPTH + 1, wrap)])
    assert refused.path.startswith("args[0]")
    assert f"deeper than {MAX_DEPTH} containers" in str(refused)
    assert len(str(refused)) < 500


def test_values_nested_far_too_deep_are_refused() -> None:
    assert "nested deeper" in str(refusal([nested(100_000, lambda value: [value])]))


def test_a_text_nested_far_too_deep_is_refused() -> None:
    for text in ("[" * 100_000, "[" * 100_000 + "]" * 100_000):
        with pytest.raises(PayloadError):
            CODEC.load_arguments(f'{{"args": {text}, "kwargs": {{}}}}')
    deep = '{"$tuple": [' * 2_000 + "]}" * 2_000
    with pytest.raises(PayloadError, match="nested too deep"):
        CODEC.loads(deep)


def test_values_that_hold_themselves_are_refused() -> None:
    ring: list[Any] = []
    ring += [ring, ring]
    knot: dict[str, Any] = {}
    knot["again"] = (knot,)
    order = Order()
    order.items.append(order)
    for value in (ring, knot, order):
        assert "or holding itself" in str(refusal([value]))


def test_values_that_are_small_in_memory_and_endless_as_text_are_refused() -> None:
    doubled = nested(60, lambda value: [value, value])
    text = ["x" * MAX_PAYLOAD] * MAX_PAYLOAD
    numbers = [[10**4000] * 100_000] * 100
    for value in (doubled, text, numbers):
        refused = refusal([value])
        assert refused.path == "arguments"
        assert f"at most {MAX_PAYLOAD} are stored" in str(refused)


def test_the_whole_may_be_as_large_as_said() -> None:
    room = MAX_PAYLOAD - len(CODEC.dump_arguments([""], {}))
    assert len(CODEC.dump_arguments(["x" * room], {})) == MAX_PAYLOAD
    assert f"{MAX_PAYLOAD + 1} bytes as JSON" in str(refusal(["x" * (room + 1)]))


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "[]", '{"args": [], "kwargs": []}', '{"args": [1]}', '{"kwargs": {}}'),
        *('{"args": [NaN], "kwargs": {}}', '{"args": [], "kwargs": {}} x', "\ud800"),
    ],
)
def test_a_payload_that_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(PayloadError) as refused:
        CODEC.load_arguments(text)
    assert refused.value.path == "arguments"


def test_what_cannot_be_read_back_is_refused_with_its_place() -> None:
    for form, path in [
        ({"args": [1, {"a": {"$date": 5}}], "kwargs": {}}, "args[1].a"),
        ({"args": [], "kwargs": {"order": [{"$set": [{"$uuid": ""}]}]}}, "order[0]{...}"),
        ({"args": [{"$tuple": [0, {"$x": 1}]}], "kwargs": {}}, "args[0][1]"),
    ]:
        with pytest.raises(PayloadError) as refused:
            CODEC.load_arguments(json.dumps(form))
        assert refused.value.path == path


def test_a_person_may_write_one_value() -> None:
    assert CODEC.loads('{"when": {"$tuple": [1]}}') == {"when": (1,)}
    assert CODEC.loads("[1, 2]") == [1, 2]
    with pytest.raises(PayloadError, match="value: is no JSON text"):
        CODEC.loads("{")


# ---------------------------------------------------------------- registered types


class Money:
    def __init__(self, amount: Any, currency: str) -> None:
        self.amount, self.currency = amount, currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class DearMoney(Money):
    pass


def money_codec(
    dump: Callable[[Any], Any] = vars, load: Callable[[Any], Any] = lambda form: Money(**form)
) -> Codec:
    codec = Codec(ImportedNames())
    codec.register(Money, name="money", dump=dump, load=load)
    return codec


def test_a_registered_type_comes_back_equal() -> None:
    codec = money_codec()
    value = [Money(Decimal("1.50"), "EUR"), {"$x": Money((1,), "USD")}]
    assert back(value[0], codec) == value[0]
    assert codec.loads(codec.dumps(value, "value")) == value
    assert codec.dumps(Money(1, "EUR"), "value") == '{"$money":{"amount":1,"currency":"EUR"}}'


def test_only_values_of_exactly_the_registered_class_are_its() -> None:
    assert "a DearMoney has no exact stored form" in str(refusal([DearMoney(1, "")], {}))
    assert refusal([DearMoney(1, "")], codec=money_codec()).path == "args[0]"


def test_load_may_take_its_form_to_pieces() -> None:
    kept = {"amount": [1, 2], "currency": "EUR"}
    codec = money_codec(
        lambda _: kept, lambda form: Money(form.pop("amount"), form.pop("currency"))
    )
    assert back(Money([1, 2], "EUR"), codec) == Money([1, 2], "EUR")
    assert kept == {"amount": [1, 2], "currency": "EUR"}


def fail(*_: Any) -> Any:
    raise ZeroDivisionError("secret")


class Prickly(Money):
    __eq__ = fail
    __repr__ = fail
    __hash__ = None


@pytest.mark.parametrize(
    ("codec", "answer"),
    [
        (money_codec(dump=fail), "args[0]: the dump of money raised ZeroDivisionError"),
        (money_codec(load=fail), "args[0]: the load of money raised ZeroDivisionError"),
        (money_codec(load=lambda _: Money(1, "?")), "args[0]: a Money that does not come back"),
        (money_codec(load=lambda form: DearMoney(**form)), "args[0]: a Money that does not come"),
        (money_codec(load=lambda _: None), "args[0]: a Money that does not come back equal"),
        (money_codec(dump=lambda _: {"x": object()}), "args[0].x: an object has no exact"),
        (money_codec(dump=lambda money: money), "args[0]: nested deeper than 100 containers"),
    ],
)
def test_hooks_that_do_not_give_the_value_back_are_refused(codec: Codec, answer: str) -> None:
    refused = refusal([Money(2, "EUR")], codec=codec)
    assert str(refused).startswith(answer)
    assert "secret" not in str(refused)
    if "raised" in answer:
        assert isinstance(refused.__cause__, ZeroDivisionError)


def test_a_comparison_that_raises_is_refused() -> None:
    codec = Codec(ImportedNames())
    codec.register(Prickly, name="p", dump=vars, load=lambda form: Prickly(**form))
    refused = refusal([{"a": Prickly(1, "EUR")}], codec=codec)
    assert refused.path == "args[0].a"
    assert isinstance(refused.__cause__, ZeroDivisionError)
    assert "whose repr raised" in json.loads(codec.dump_result(Prickly(1, "")) or "")[UNSTORABLE]


def test_a_load_that_raises_while_reading_names_the_place_and_keeps_the_cause() -> None:
    text = money_codec().dump_arguments([[Money(1, "EUR")]], {})
    with pytest.raises(LoadFailed) as refused:
        money_codec(load=fail).load_arguments(text)
    assert str(refused.value) == "args[0][0]: the load of money raised ZeroDivisionError"
    assert isinstance(refused.value.__cause__, ZeroDivisionError)


def test_a_type_that_the_reader_has_not_registered_is_named() -> None:
    text = money_codec().dump_arguments([Money(1, "EUR")], {})
    with pytest.raises(PayloadError) as refused:
        CODEC.load_arguments(text)
    assert str(refused.value) == (
        "args[0]: the app has no type named money: register it with app.register_type"
        " where the app is made"
    )


def test_registration_wins_over_a_built_in_form() -> None:
    codec = Codec(ImportedNames())
    codec.register(Item, name="item", dump=lambda item: item.price, load=Item)
    codec.register(Size, name="size", dump=lambda size: size.name, load=Size.__getitem__)
    codec.register(Decimal, name="dec", dump=str, load=Decimal)
    codec.register(Count, name="count", dump=int, load=Count)
    assert codec.dumps([Item(5), Size.SMALL, Decimal("1.0")], "value") == (
        '[{"$item":5},{"$size":"SMALL"},{"$dec":"1.0"}]'
    )
    assert type(back(Count(5), codec)) is Count
    assert codec.loads(codec.dumps({Item(5): 1}.keys() | {Size.SMALL}, "v")) == {Item(5), 1}


def test_registrations_that_clash_are_refused() -> None:
    codec = money_codec()

    def answer(cls: Any, name: str) -> str:
        before = (dict(codec.by_class), dict(codec.by_tag))
        with pytest.raises(ConfigurationError) as first:
            codec.register(cls, name=name, dump=str, load=str)
        with pytest.raises(ConfigurationError) as second:
            codec.register_reference(cls, name=name, key=str, load=str)
        assert (codec.by_class, codec.by_tag) == before
        assert str(first.value) == str(second.value)
        return str(first.value)

    assert "use letters, digits and _ - ." in answer(Item, "an item")
    for name in ("", "$x", "a\n", "ä", "a/b"):
        assert "use letters" in answer(Item, name)
    for name in ("date", "dict", "encrypted", "unstorable", "int", "set", "dataclass", "flag"):
        assert "is the name of a built-in form" in answer(Item, name)
    assert "two types are registered as 'money'" in answer(Item, "money")
    assert answer(Money, "cash") == "Money is registered already, as 'money'"
    for cls in (int, str, dict, list, bool, float, type(None), "Item"):
        assert "give another class" in answer(cls, "new")
    codec.register(Item, name="A-z_0.9", dump=vars, load=lambda form: Item(**form))


# ---------------------------------------------------------------- references


class Row:
    """A row of a table; two of them are never equal."""

    def __init__(self, key: Any) -> None:
        self.key = key


class Table:
    def __init__(self, missing: Missing = Missing.DISCARD) -> None:
        self.rows = {key: Row(key) for key in (1, "two", (3, "x"))}
        self.asked: list[Any] = []
        self.codec = Codec(ImportedNames())
        self.codec.register_reference(
            Row, name="row", key=lambda row: row.key, load=self.load, missing=missing
        )

    def load(self, key: Any) -> Row | None:
        self.asked.append(key)
        return self.rows.get(key)


def test_a_reference_stores_the_key_alone() -> None:
    table = Table()
    for key, row in table.rows.items():
        text = table.codec.dump_arguments([[row]], {})
        assert not table.asked  # enqueueing asks the table nothing
        assert table.codec.load_arguments(text)[0][0][0] is row
        assert table.asked.pop() == key
    assert table.codec.dumps(table.rows[1], "v") == '{"$row":1}'


@pytest.mark.parametrize("missing", [Missing.DISCARD, Missing.FAIL])
def test_a_reference_that_leads_to_nothing_says_which(missing: Missing) -> None:
    table = Table(missing)
    text = table.codec.dump_arguments([], {"order": {"rows": [0, Row((9, "x"))]}})
    with pytest.raises(ReferenceGone) as gone:
        table.codec.load_arguments(text)
    assert (gone.value.path, gone.value.name, gone.value.key) == ("order.rows[1]", "row", (9, "x"))
    assert isinstance(gone.value, DiscardedReference) == (missing is Missing.DISCARD)


def test_a_reference_that_leads_to_nothing_may_become_none() -> None:
    table = Table(Missing.NONE)
    assert back([Row(7), table.rows[1]], table.codec) == [None, table.rows[1]]
    assert back({Row(7), Row(8)}, table.codec) == {None}


def test_a_reference_without_a_key_is_refused() -> None:
    refused = refusal([Row(None)], codec=Table().codec)
    assert str(refused) == "args[0]: a Row that has no key yet: save it first"


def test_a_reference_whose_load_raises_keeps_the_cause() -> None:
    codec = Codec(ImportedNames())
    codec.register_reference(Row, name="row", key=lambda row: row.key, load=fail)
    text = codec.dump_arguments([Row(1)], {})
    with pytest.raises(LoadFailed, match="the load of row raised ZeroDivisionError") as refused:
        codec.load_arguments(text)
    assert isinstance(refused.value.__cause__, ZeroDivisionError)


def test_trying_a_registered_type_loads_no_reference_within() -> None:
    table = Table()
    table.codec.register(Money, name="money", dump=vars, load=lambda form: Money(**form))
    unsaved = Row(99)
    text = table.codec.dump_arguments([Money([unsaved, table.rows[1]], "EUR")], {})
    assert not table.asked
    with pytest.raises(ReferenceGone):
        table.codec.load_arguments(text)


# ---------------------------------------------------------------- the cipher


class Shift:
    """A cipher that can be told from plain text, and from another key."""

    def __init__(self, key: int) -> None:
        self.key = key

    def encrypt(self, data: bytes) -> bytes:
        return bytes([self.key]) + bytes((byte + self.key) % 256 for byte in data)

    def decrypt(self, token: bytes) -> bytes:
        if token[0] != self.key:
            raise ValueError(f"wrong key for {bytes(byte - token[0] & 255 for byte in token)!r}")
        return bytes((byte - self.key) % 256 for byte in token[1:])


def sealed(key: int = 3) -> Codec:
    codec = money_codec()
    codec.cipher = Shift(key)
    return codec


def test_under_a_cipher_nothing_is_readable_without_it() -> None:
    codec = sealed()
    text = codec.dump_arguments(["password"], {"a": ("x", Money(1, "EUR"))})
    result = codec.dump_result({"password": (1,)})
    assert result is not None
    for secret in (text, result):
        assert list(json.loads(secret)) == ["$encrypted"]
        assert "password" not in secret
    assert codec.load_arguments(text) == (["password"], {"a": ("x", Money(1, "EUR"))})
    assert codec.load_result(result) == {"password": (1,)}
    assert codec.dump_result(None) is None


def test_what_was_written_without_a_cipher_stays_readable() -> None:
    text = money_codec().dump_arguments([Money(1, "EUR")], {})
    assert sealed().load_arguments(text) == ([Money(1, "EUR")], {})
    assert sealed().load_result("[1]") == [1]


@pytest.mark.parametrize(
    ("codec", "answer"),
    [
        (money_codec(), "encrypted, and this app has no cipher: give it the one that wrote"),
        (sealed(4), "encrypted, and not with the key of this app's cipher, or damaged"),
    ],
)
def test_what_cannot_be_decrypted_is_refused_and_not_shown(codec: Codec, answer: str) -> None:
    text, result = sealed().dump_arguments(["password"], {}), sealed().dump_result("password")
    for read, what in (
        (lambda: codec.load_arguments(text), "arguments"),
        (lambda: codec.load_result(result), "result"),
    ):
        with pytest.raises(PayloadError) as refused:
            read()
        assert str(refused.value).startswith(f"{what}: {answer}")
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    "text", ['{"$encrypted":5}', '{"$encrypted":"A"}', '{"$encrypted"', '{"$encrypted":""}']
)
def test_a_damaged_secret_is_refused(text: str) -> None:
    with pytest.raises(PayloadError, match="or damaged"):
        sealed().load_arguments(text)


def test_the_limit_holds_for_the_encrypted_text() -> None:
    codec = sealed()
    codec.dump_arguments(["x" * (MAX_PAYLOAD * 7 // 10)], {})
    assert refusal(["x" * (MAX_PAYLOAD * 8 // 10)], codec=codec).path == "arguments"


class Broken:
    encrypt = decrypt = fail


def test_a_cipher_that_fails_lets_nothing_out() -> None:
    codec = Codec(ImportedNames())
    codec.cipher = Broken()
    refused = refusal(["password"], codec=codec)
    assert str(refused) == "arguments: the app's cipher cannot encrypt: ZeroDivisionError"
    assert refused.__cause__ is None
    assert codec.dump_result("password") == (
        '{"$unstorable":"a result that could not be encrypted"}'
    )


def test_the_repr_of_an_unstorable_result_is_encrypted_too() -> None:
    codec = sealed()
    text = codec.dump_result([object(), "password"]) or ""
    assert list(json.loads(text)) == ["$encrypted"]
    with pytest.raises(Unstorable) as problem:
        codec.load_result(text)
    assert "password" in problem.value.shown


# ---------------------------------------------------------------- results


def test_a_result_that_has_no_form_is_kept_as_its_repr() -> None:
    class Sulking:
        def __repr__(self) -> str:
            raise SystemExit

    class Odd(str):
        replace = fail

    class Odder:
        def __repr__(self) -> str:
            return Odd("odd \x00")

    ring: list[Any] = []
    ring.append(ring)
    for value, shown in (
        (1j, "1j"),
        (math.nan, "nan"),
        (ring, "[[...]]"),
        (Sulking(), "Sulking whose repr raised SystemExit"),
        (Odder(), "odd \\x00"),
        ("x" * (MAX_PAYLOAD + 1), "xxx"),
        ([10**5000, 1j], "whose repr raised ValueError"),
        ("\x00", "\\x00"),
    ):
        text = CODEC.dump_result(value)
        assert text is not None
        assert len(text) < 2_000
        with pytest.raises(Unstorable) as problem:
            CODEC.load_result(text)
        assert shown in problem.value.shown


def test_a_hook_that_ends_the_program_does_not_lose_the_result() -> None:
    def leave(_: Any) -> Any:
        raise SystemExit

    text = money_codec(dump=leave).dump_result(Money(1, "EUR"))
    assert list(json.loads(text or "")) == [UNSTORABLE]


def test_no_result_is_no_text() -> None:
    assert CODEC.dump_result(None) is None
    assert CODEC.load_result(None) is None


def test_a_result_that_looks_like_one_of_ours_is_the_users() -> None:
    for tag in (UNSTORABLE, "$encrypted", "$dict", "$date", "$money"):
        for value in ({tag: "x"}, {tag: {tag: "x"}}, {tag: ("x",)}, [{tag: 1}]):
            for codec in (CODEC, money_codec(), sealed()):
                assert codec.load_result(codec.dump_result(value)) == value
                assert back(value, codec) == value


# ---------------------------------------------------------------- texts for people


@given(st.text())
def test_any_text_can_be_stored(text: str) -> None:
    kept = storable_text(text)
    assert "\x00" not in kept
    kept.encode()


def test_a_long_text_is_cut_with_a_mark() -> None:
    kept = storable_text("ü" * 10_000_000, 1_000)
    assert len(kept) == 1_000
    assert kept.endswith(CUT_MARK)


# ---------------------------------------------------------------- classes that misbehave


class Meta(type):
    def __hash__(cls) -> int:
        raise ZeroDivisionError

    def __getattribute__(cls, name: str) -> Any:
        raise ZeroDivisionError


class Awkward(metaclass=Meta):
    pass


class Masked(Enum):
    A = 1

    @property
    def name(self) -> str:
        raise ZeroDivisionError


def test_a_class_that_misbehaves_is_refused_with_its_place() -> None:
    awkward = object.__new__(Awkward)
    assert refusal([[awkward]]).path == "args[0][0]"
    assert refusal([{awkward: 1}]).path == "args[0]"
    assert CODEC.dump_result(awkward) is not None
    assert back(Masked.A) is Masked.A


class Sabotage:
    """Changes the list that it lies in while it is looked at."""

    def __init__(self, around: Any) -> None:
        self.around = around


def test_values_that_change_meanwhile_are_written_or_refused() -> None:
    codec = Codec(ImportedNames())

    def dump(value: Sabotage) -> int:
        value.around.clear()
        return 1

    codec.register_reference(Sabotage, name="s", key=dump, load=lambda _: None)
    items: list[Any] = [1]
    items += [Sabotage(items), 2]
    members: dict[str, Any] = {"a": 1}
    members |= {"b": Sabotage(members), "c": 2}
    for value in (items, members):
        assert refusal([value], codec=codec).path.startswith("arg")
