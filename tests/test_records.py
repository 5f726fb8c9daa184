"""`devstack.records.dataclass` beside the standard library's, which it must equal."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from typing import Any, ClassVar

import pytest

from devstack import records

BOTH = pytest.mark.parametrize("dataclass", [dataclasses.dataclass, records.dataclass])
Decorator = Callable[..., Any]


def point(dataclass: Decorator, **options: bool) -> Any:
    """A class with every sort of field, made by `dataclass`."""

    @dataclass(slots=True, **options)
    class Point:
        """A place."""

        unit: ClassVar[str] = "m"
        x: int
        y: int = 2
        tags: list[str] = field(default_factory=list)

        def moved(self) -> Point:
            return dataclasses.replace(self, x=self.x + 1)

    return Point


@BOTH
def test_an_object_has_its_fields_and_their_defaults(dataclass: Decorator) -> None:
    kind = point(dataclass, frozen=True, kw_only=True)
    one, other = kind(x=1), kind(x=1)
    assert (one.x, one.y, one.tags, one.unit) == (1, 2, [], "m")
    assert one.tags is not other.tags
    assert not hasattr(one, "__dict__")


@BOTH
def test_missing_unknown_and_positional_arguments_are_refused(dataclass: Decorator) -> None:
    kind = point(dataclass, frozen=True, kw_only=True)
    for call in (lambda: kind(), lambda: kind(x=1, z=2), lambda: kind(1)):
        with pytest.raises(TypeError):
            call()


@BOTH
def test_positional_fields_can_be_matched(dataclass: Decorator) -> None:
    kind = point(dataclass, frozen=True)
    match kind(7, 8):
        case kind(x, y, tags):
            assert (x, y, tags) == (7, 8, [])
        case _:
            pytest.fail("not matched")
    assert point(dataclass, kw_only=True).__match_args__ == ()


@BOTH
def test_equality_hash_and_text_go_by_the_values(dataclass: Decorator) -> None:
    kind = point(dataclass, frozen=True, kw_only=True)
    other_kind = point(dataclass, frozen=True, kw_only=True)
    assert kind(x=1) == kind(x=1)
    assert kind(x=1) != kind(x=2)
    assert kind(x=1) != other_kind(x=1)
    assert hash(kind(x=1, tags=())) == hash(kind(x=1, tags=()))
    assert repr(kind(x=1)).endswith("Point(x=1, y=2, tags=[])")


@BOTH
def test_without_repr_no_value_is_shown(dataclass: Decorator) -> None:
    assert "12345" not in repr(point(dataclass, frozen=True, repr=False)(12345))


@BOTH
def test_what_can_change_has_no_hash(dataclass: Decorator) -> None:
    one = point(dataclass)(1)
    one.x = 5
    assert one.x == 5
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@BOTH
def test_frozen_is_frozen(dataclass: Decorator) -> None:
    one = point(dataclass, frozen=True)(1)
    with pytest.raises(FrozenInstanceError):
        one.x = 2
    with pytest.raises(FrozenInstanceError):
        del one.x
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        one.unknown = 2


@BOTH
def test_the_functions_of_the_standard_library_know_it(dataclass: Decorator) -> None:
    kind = point(dataclass, frozen=True, kw_only=True)
    assert dataclasses.is_dataclass(kind)
    assert [one.name for one in dataclasses.fields(kind)] == ["x", "y", "tags"]
    assert kind(x=1).moved() == kind(x=2)
    assert dataclasses.asdict(kind(x=1)) == {"x": 1, "y": 2, "tags": []}


@BOTH
def test_a_derived_class_has_the_fields_of_its_base_first(dataclass: Decorator) -> None:
    @dataclass(frozen=True, slots=True)
    class Base:
        a: int
        b: int = 2

        @property
        def total(self) -> int:
            return self.a + self.b

    @dataclass(frozen=True, slots=True)
    class Derived(Base):
        b: int = 3
        c: int = 4

        def __post_init__(self) -> None:
            seen.append(self.total)

    seen: list[int] = []
    assert repr(Derived(1)).endswith("Derived(a=1, b=3, c=4)")
    assert seen == [4]
    assert Base(1, 3) != Derived(1)
    assert isinstance(Derived(1), Base)


@BOTH
def test_methods_that_a_class_defines_are_kept(dataclass: Decorator) -> None:
    @dataclass(frozen=True, slots=True)
    class Own:
        x: int

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 5

        def __repr__(self) -> str:
            return "own"

    assert Own(1) == Own(2)
    assert (hash(Own(1)), repr(Own(1))) == (5, "own")


@BOTH
def test_an_exception_can_be_raised_and_caught(dataclass: Decorator) -> None:
    @dataclass(frozen=True, slots=True)
    class Told(Exception):  # noqa: N818 - it is not an error
        reason: str

    with pytest.raises(Told) as caught:
        raise Told("so")
    assert caught.value.reason == "so"


def test_nothing_is_compiled_for_a_class_that_is_only_imported() -> None:
    program = (
        "import sys\n"
        "from devstack.records import dataclass, replace\n"
        "@dataclass(frozen=True, slots=True)\n"
        "class A:\n    x: 'int'\n"
        "before = 'dataclasses' in sys.modules\n"
        "one = A(1)\n"
        "same = one == A(1) and hash(one) == hash(replace(one, x=1)) and A.__match_args__ == ('x',)\n"
        "print(before, same, 'dataclasses' in sys.modules, repr(one), 'dataclasses' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False", "A(x=1)", "True"]


def test_another_thread_may_be_in_the_middle_of_importing_the_standard_one() -> None:
    program = (
        "import sys, types\n"
        "from devstack.records import dataclass, field\n"
        "@dataclass(frozen=True)\n"
        "class A:\n    x: int = 1\n    tags: list = field(default_factory=list)\n"
        "sys.modules['dataclasses'] = types.ModuleType('dataclasses')\n"
        "print(A().x, A(x=2).x, A().tags)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1 2 []\n"


@BOTH
def test_a_frozen_class_with_its_own_equality_still_has_a_hash(dataclass: Decorator) -> None:
    @dataclass(frozen=True, slots=True)
    class Own:
        x: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and self.x % 10 == other.x % 10

    assert Own(1) == Own(11)
    assert hash(Own(1)) == hash(Own(1))


@BOTH
def test_fields_with_options_and_classes_without_fields(dataclass: Decorator) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Hidden:
        shown: int = field(default=1)
        secret: str = field(repr=False)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Empty:
        pass

    assert repr(Hidden(secret="12345")).endswith("Hidden(shown=1)")
    assert Empty() == Empty()
    with pytest.raises(TypeError):
        Hidden()


FIELDS = pytest.mark.parametrize("library", [dataclasses, records], ids=["the standard library", "records"])


@FIELDS
def test_its_own_fields_and_copies_are_those_of_the_standard_library(library: Any) -> None:
    @library.dataclass(frozen=True, slots=True, kw_only=True)
    class Told:
        to: list[str] = library.field(default_factory=list)
        secret: str = library.field(repr=False)
        often: int = library.field(default=2)

    one = Told(secret="12345")
    assert library.replace(one, often=3) == Told(secret="12345", often=3)
    assert library.replace(one).to is one.to
    assert repr(one).endswith("Told(to=[], often=2)")
    assert [each.name for each in dataclasses.fields(Told)] == ["to", "secret", "often"]
    with pytest.raises(TypeError):
        library.replace(one, unknown=1)


@FIELDS
def test_without_slots_a_fact_can_be_kept_with_the_object(library: Any) -> None:
    @library.dataclass(frozen=True, kw_only=True)
    class Looked:
        x: int

        @functools.cached_property
        def twice(self) -> int:
            return self.x * 2

    one = Looked(x=2)
    assert (one.twice, vars(one)["twice"]) == (4, 4)
    assert one == Looked(x=2)
    with pytest.raises(FrozenInstanceError):
        one.x = 3


@BOTH
def test_one_field_is_hashed_as_several_are(dataclass: Decorator) -> None:
    @dataclass(frozen=True, slots=True)
    class Name:
        text: str

    assert hash(Name("a")) == hash(("a",))
    assert {Name("a"): 1}[Name("a")] == 1


@FIELDS
def test_the_hundredth_object_is_made_like_the_first(library: Any) -> None:
    @library.dataclass(frozen=True, slots=True, kw_only=True)
    class Made:
        number: int
        often: int = 2
        tags: list[str] = library.field(default_factory=list)

        def __post_init__(self) -> None:
            seen.append(self.number)

    seen: list[int] = []
    made = [Made(number=number) for number in range(100)]
    assert seen == list(range(100))
    assert all(one == Made(number=number) for number, one in enumerate(made))
    assert len({id(one.tags) for one in made}) == 100
    with pytest.raises(TypeError):
        Made()


@BOTH
def test_values_by_place_and_by_name_go_together(dataclass: Decorator) -> None:
    kind = point(dataclass, frozen=True)
    for _ in range(100):
        assert kind(1, tags=[2]) == kind(x=1, y=2, tags=[2]) == kind(1, 2, [2])
    fresh = point(dataclass, frozen=True)
    for call in (lambda: fresh(1, 2, [], 4), lambda: fresh(1, x=1), lambda: fresh(y=1)):
        with pytest.raises(TypeError):
            call()


@FIELDS
def test_what_looks_at_a_constructor_through_its_class_sees_no_self(library: Any) -> None:
    @library.dataclass(frozen=True, slots=True, kw_only=True)
    class Looked:
        x: int

    made = vars(Looked)["__init__"].__get__(Looked, type(Looked))  # as `inspect` does from Python 3.13 on
    assert made.__self__ is Looked
    assert "self" not in inspect.signature(Looked).parameters
