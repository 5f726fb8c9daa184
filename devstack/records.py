"""`dataclass`, `field` and `replace` as in `dataclasses`; methods are made when they are first needed.

The standard library compiles six methods for each class while its module is imported, about 0.4 ms for a class,
and importing it costs 4 ms itself. A start of devstack imports two hundred such classes, makes objects of some
dozens and compares hardly any. Here the class gets its slots at once. `__init__` is compiled when some dozens of
objects have been made, `__eq__` and `__hash__` are the same few lines for every class, and for everything else
(`__repr__`, `__dataclass_fields__`) the standard library is asked when it is first looked up, so it is what it
would have been. A type checker sees `dataclasses` itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:

    def dataclass(*, frozen=False, slots=False, kw_only=False, repr=True):
        """As `dataclasses.dataclass`, with the options that devstack uses."""
        options = {"frozen": frozen, "kw_only": kw_only}
        return lambda cls: _anew(cls, options, has_slots=slots, has_repr=repr)

    def field(**options):
        """As `dataclasses.field`: `default` or `default_factory`, and `repr`."""
        return _Field(**options)

    def replace(record, /, **changes):
        """As `dataclasses.replace`."""
        kind = type(record)
        return kind(**{name: getattr(record, name) for name in _fields(kind)[0]} | changes)


__all__ = ["dataclass", "field", "replace"]

_DECLARED = "__declared_fields__"  # annotations and defaults of one class, without those of its bases
_TO_DESCRIBE = ("__dataclass_fields__", "__dataclass_params__")
_NOTHING = object()  # where a field has no default, or an argument was not given
_UNTIL_COMPILED = 40  # objects; compiling takes as long as it spares for about so many

_put = object.__setattr__
Default = tuple[Any, Callable[[], Any] | None]
"""What a field has where nothing is given: a value, or what makes one."""


class _Field:
    """What a field was declared with, until the standard library is asked to make its own of it."""

    __slots__ = ("default", "factory", "has_repr")

    def __init__(
        self,
        *,
        default: Any = _NOTHING,
        default_factory: Callable[[], Any] | None = None,
        repr: bool = True,
    ) -> None:
        self.default = default
        self.factory = default_factory
        self.has_repr = repr

    def of_the_standard_library(self) -> Any:
        import dataclasses

        given: dict[str, Any] = {"repr": self.has_repr}
        if self.factory is not None:
            given["default_factory"] = self.factory
        elif self.default is not _NOTHING:
            given["default"] = self.default
        return dataclasses.field(**given)


def _anew(cls: type, options: dict[str, bool], *, has_slots: bool, has_repr: bool) -> type:
    """The class again, with its slots and with stand-ins for the methods."""
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    annotations = {
        name: kind for name, kind in cls.__annotations__.items() if not str(kind).startswith("ClassVar")
    }
    defaults = {name: body.pop(name) for name in annotations if name in body}
    if body.get("__hash__", ...) is None:  # Python's own doing, because the class defines __eq__
        del body["__hash__"]
    if has_slots:
        inherited = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
        body["__slots__"] = tuple(name for name in annotations if name not in inherited)
    body[_DECLARED] = (annotations, defaults)
    if not options["frozen"] and "__hash__" not in body:
        body["__hash__"] = None
    body = _stand_ins(**options, has_repr=has_repr) | body
    if options["frozen"]:
        body.update(__setattr__=_refuse, __delattr__=_refuse)
    return type(cls)(cls.__name__, cls.__bases__, body)


class _StandIn:
    """Takes the place of an attribute, in every class of the same kind, until it is looked up in one of them."""

    __slots__ = ("_make", "_name", "_options")

    def __init__(self, name: str, make: Callable[..., Any], /, **options: Any) -> None:
        self._name = name
        self._make = make
        self._options = options

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        kind = type(instance) if owner is None else owner
        for base in kind.__mro__:
            if vars(base).get(self._name) is self:
                found = self._make(base, **self._options)
                setattr(base, self._name, found)
                return found.__get__(instance, kind) if hasattr(found, "__get__") else found
        if isinstance(instance, type):  # `inspect` from Python 3.13 on: bound to the class as to an object
            found = getattr(instance, self._name)
            return found.__get__(instance, kind) if hasattr(found, "__get__") else found
        return getattr(kind if instance is None else instance, self._name)  # another thread was faster


@cache
def _stand_ins(*, frozen: bool, kw_only: bool, has_repr: bool) -> dict[str, _StandIn]:
    """The methods of such classes; there are a few kinds, and hundreds of classes."""
    options = {"frozen": frozen, "kw_only": kw_only}
    found = [
        _StandIn("__init__", _constructor, kw_only=kw_only),
        _StandIn("__match_args__", _positions, kw_only=kw_only),
        _StandIn("__eq__", _equality),
        *([_StandIn("__hash__", _hash)] if frozen else []),
    ]
    for name in (*_TO_DESCRIBE, *(("__repr__",) if has_repr else ())):
        found.append(_StandIn(name, _by_the_standard_library, name=name, options=options))
    return {each._name: each for each in found}


@cache
def _fields(owner: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Annotations and defaults of all fields, those of the bases first."""
    annotations: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for base in reversed(owner.__mro__):
        declared, given = vars(base).get(_DECLARED, ({}, {}))
        annotations |= declared
        defaults |= given
    return annotations, defaults


def _positions(owner: type, *, kw_only: bool) -> tuple[str, ...]:
    return () if kw_only else tuple(_fields(owner)[0])


def _values(owner: type) -> Callable[[Any], Any]:
    """What gives the values of all fields of an object."""
    names = tuple(_fields(owner)[0])
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


def _equality(owner: type) -> Callable[[Any, Any], bool]:
    values = _values(owner)

    def equal(self: Any, other: Any) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equal


def _hash(owner: type) -> Callable[[Any], int]:
    values = _values(owner)
    return lambda self: hash(values(self))


def _by_the_standard_library(owner: type, *, name: str, options: dict[str, bool]) -> Any:
    from dataclasses import dataclass as at_once

    annotations, defaults = _fields(owner)
    body = {
        one: value.of_the_standard_library() if isinstance(value, _Field) else value
        for one, value in defaults.items()
    }
    body |= {"__annotations__": annotations, "__module__": owner.__module__, "__doc__": owner.__doc__}
    wanted = {"init": False, "eq": name == "__dataclass_params__", "repr": name == "__repr__"}
    return vars(at_once(**options, **wanted)(type(owner.__name__, (), body)))[name]


def _constructor(owner: type, *, kw_only: bool) -> Callable[..., None]:
    """The `__init__` of the first objects; most classes never make more of them."""
    annotations, defaults = _fields(owner)
    usual = {name: _default(defaults.get(name, _NOTHING)) for name in annotations}
    required = {name for name, (value, make) in usual.items() if value is _NOTHING and make is None}
    most = 0 if kw_only else len(usual)
    left = _UNTIL_COMPILED

    def plain(self: Any, *values: Any, **given: Any) -> None:
        nonlocal left
        left -= 1
        named = dict(zip(usual, values, strict=False)) | given if values else given
        is_right = len(values) <= most and len(named) == len(values) + len(given)
        if left < 0 or not is_right or not required <= named.keys() <= usual.keys():
            owner.__init__ = compiled = _compiled(owner, usual, kw_only=kw_only)  # type: ignore[misc]
            compiled(self, *values, **given)
            return
        for name, (value, make) in usual.items():
            _put(self, name, named[name] if name in named else value if make is None else make())
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    return plain


def _compiled(owner: type, usual: dict[str, Default], *, kw_only: bool) -> Callable[..., None]:
    """`__init__` alone: the standard library would compile three more methods with it."""
    known: dict[str, Any] = {"_put": _put, "_given": _NOTHING}
    head, body = ["self", "*"] if kw_only and usual else ["self"], []
    for name, (default, factory) in usual.items():
        if factory is not None:
            known[f"_make_{name}"] = factory
            head.append(f"{name}=_given")
            body.append(f" _put(self, '{name}', _make_{name}() if {name} is _given else {name})")
            continue
        if default is not _NOTHING:
            known[f"_default_{name}"] = default
        head.append(name if default is _NOTHING else f"{name}=_default_{name}")
        body.append(f" _put(self, '{name}', {name})")
    if hasattr(owner, "__post_init__"):
        body.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(head)}):\n" + "\n".join(body or [" pass"]), known)
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{owner.__qualname__}.__init__"
    return made


def _default(value: Any) -> Default:
    if isinstance(value, _Field):
        return value.default, value.factory
    library: Any = sys.modules.get("dataclasses")
    kind = getattr(library, "Field", None)  # another thread may be in the middle of importing it
    if kind is None or not isinstance(value, kind):
        return value, None
    if value.default_factory is not library.MISSING:
        return _NOTHING, value.default_factory
    return (_NOTHING if value.default is library.MISSING else value.default), None


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__name__} cannot be changed: {name}")
