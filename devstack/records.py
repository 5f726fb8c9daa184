"""`dataclass(slots=True)` whose methods are made when they are first needed.

The standard library compiles six methods for each class while its module is imported, about 0.4 ms for a class. A
start of devstack imports two hundred such classes, makes objects of some dozens and compares hardly any. Here the
class gets its slots at once, and the standard library is asked for `__init__`, `__eq__`, … when one of them is
first looked up: what it makes is what it would have made. A type checker sees `dataclasses.dataclass` itself.
"""

from __future__ import annotations

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
_TO_MAKE = ("__init__", "__match_args__", "__dataclass_fields__", "__dataclass_params__")


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
        (_TO_MAKE, {"eq": False, "repr": False}),
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
        """Have the standard library make them for a class with the same fields, and take them over."""
        from dataclasses import dataclass as at_once

        owner = self._owner
        annotations: dict[str, Any] = {}
        body: dict[str, Any] = {"__module__": owner.__module__, "__doc__": owner.__doc__}
        for base in reversed(owner.__mro__):
            declared, defaults = vars(base).get(_DECLARED, ({}, {}))
            annotations |= declared
            body |= defaults
        if hasattr(owner, "__post_init__"):
            body["__post_init__"] = owner.__post_init__
        twin: type = at_once(**self._options)(
            type(owner.__name__, (), {**body, "__annotations__": annotations})
        )
        for name in self._names:
            if isinstance(vars(owner).get(name), _StandIn):
                setattr(owner, name, vars(twin)[name])


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__name__} cannot be changed: {name}")
