"""`dataclass(slots=True)` whose methods are made when they are first needed.

The standard library compiles six methods for each class while its module is imported, about 0.4 ms for a class. A
start of devstack imports two hundred such classes, makes objects of some dozens and compares hardly any. Here the
class gets its slots at once. `__init__` is written when the first object is made; for everything else, `__eq__`,
`__dataclass_fields__` and so on, the standard library is asked when it is first looked up, so it is what it would
have been. A type checker sees `dataclasses.dataclass` itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen=False, slots=False, kw_only=False, repr=True):
        """As `dataclasses.dataclass`, with the options that devstack uses."""
        if slots:
            return lambda cls: _slotted(cls, {"frozen": frozen, "kw_only": kw_only}, has_repr=repr)
        from dataclasses import dataclass as at_once

        return at_once(frozen=frozen, kw_only=kw_only, repr=repr)


__all__ = ["dataclass"]

_DECLARED = "__declared_fields__"  # annotations and defaults of one class, without those of its bases
_TO_DESCRIBE = ("__match_args__", "__dataclass_fields__", "__dataclass_params__")
_NOTHING = object()  # where a field has no default, or an argument was not given


def _slotted(cls: type, options: dict[str, bool], *, has_repr: bool) -> type:
    """The class anew, with slots and with stand-ins for what the standard library will make."""
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    annotations = {
        name: kind for name, kind in cls.__annotations__.items() if not str(kind).startswith("ClassVar")
    }
    defaults = {name: body.pop(name) for name in annotations if name in body}
    if body.get("__hash__", ...) is None:  # Python's own doing, because the class defines __eq__
        del body["__hash__"]
    inherited = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
    body["__slots__"] = tuple(name for name in annotations if name not in inherited)
    body[_DECLARED] = (annotations, defaults)
    to_compare = ["__eq__", *(["__hash__"] if options["frozen"] else []), *(["__repr__"] if has_repr else [])]
    for names, wanted in (
        (("__init__",), {}),
        (_TO_DESCRIBE, {"init": False, "eq": False, "repr": False}),
        (to_compare, {"init": False, "repr": has_repr}),
    ):
        for name in names:
            body.setdefault(name, _StandIn(names, options | wanted))
    if options["frozen"]:
        body.update(__setattr__=_refuse, __delattr__=_refuse)
    return type(cls)(cls.__name__, cls.__bases__, body)


class _StandIn:
    """Takes the place of attributes of a class until one of them is looked up."""

    __slots__ = ("_name", "_names", "_options", "_owner")

    def __init__(self, names: tuple[str, ...] | list[str], options: dict[str, bool]) -> None:
        self._names = names
        self._options = options
        self._owner: type = object
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        found = vars(self._owner)[self._name]
        if found is self:
            self._make()
            found = vars(self._owner)[self._name]
        return found.__get__(instance, owner) if hasattr(found, "__get__") else found

    def _make(self) -> None:
        """Put what was asked for in our place: for a class with the same fields, the bases' included."""
        owner, options = self._owner, self._options
        annotations: dict[str, Any] = {}
        defaults: dict[str, Any] = {}
        for base in reversed(owner.__mro__):
            declared, given = vars(base).get(_DECLARED, ({}, {}))
            annotations |= declared
            defaults |= given
        made: Mapping[str, Any]
        if self._name == "__init__":
            made = {"__init__": _constructor(owner, annotations, defaults, kw_only=options["kw_only"])}
        else:
            made = _by_the_standard_library(owner, options, {**defaults, "__annotations__": annotations})
        for name in self._names:
            if isinstance(vars(owner).get(name), _StandIn):
                setattr(owner, name, made[name])


def _by_the_standard_library(
    owner: type, options: dict[str, bool], body: dict[str, Any]
) -> Mapping[str, Any]:
    from dataclasses import dataclass as at_once

    own = {"__module__": owner.__module__, "__doc__": owner.__doc__}
    return vars(at_once(**options)(type(owner.__name__, (), own | body)))


def _constructor(
    owner: type, annotations: dict[str, Any], defaults: dict[str, Any], *, kw_only: bool
) -> Callable[..., None]:
    """`__init__` alone: the standard library would compile three more methods with it."""
    known: dict[str, Any] = {"_put": object.__setattr__, "_given": _NOTHING}
    head, body = ["self", "*"] if kw_only and annotations else ["self"], []
    for name in annotations:
        default, factory = _default(defaults.get(name, _NOTHING))
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


def _default(value: Any) -> tuple[Any, Callable[[], Any] | None]:
    """The default and the factory of a field; `value` may be what `dataclasses.field` gave."""
    library: Any = sys.modules.get("dataclasses")
    if library is None or not isinstance(value, library.Field):
        return value, None
    if value.default_factory is not library.MISSING:
        return _NOTHING, value.default_factory
    return (_NOTHING if value.default is library.MISSING else value.default), None


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__name__} cannot be changed: {name}")
