"""Reads of the environment in Python modules."""

from __future__ import annotations

import re

from tree_sitter import Node

from devstack.env.source import pysettings
from devstack.env.source.model import DotenvCall, Fallback
from devstack.env.source.paths import Place
from devstack.env.source.pypaths import assigned, path_of
from devstack.env.source.pyvalues import alternative, arguments, default_of, judge, literal, unwrap
from devstack.env.source.syntax import Alternative, Module, ancestors, calls_of
from devstack.patterns import regex
from devstack.records import dataclass

_WORDS = regex(rb"\b(environ|environb|getenv)\b")
_WRAPPER_CALL = regex(
    rb"\b(\w*env\w*(?:\.(?:str|int|bool|float|list|url|get|json|path|db|dj_db_url))?)\s*\(", re.I
)
_CONFIG_CALL = regex(rb"\b(config)\s*\(")
_DOTENV = regex(rb"\b(load_dotenv|dotenv_values)\s*\(")
_NAME = regex(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_UPPER = regex(r"[A-Z][A-Z0-9_]*\Z")
_WRAPPER_NAME = regex(
    r"_?(?:get|require|must|read|need|assert|ensure|expect|optional|required|load|fetch|check|from)?_?env(?:ironment)?"
    r"_?(?:var(?:iable)?|value|string|str|int|integer|number|float|bool(?:ean)?|list|url|or_\w+|key|required)?"
    r"(?:\.(?:str|int|bool|float|list|url|get|json|path|db|dj_db_url))?\Z",
    re.IGNORECASE,
)


def scan(module: Module) -> None:
    """Find every read, settings class and dotenv call of the module."""
    reader = _Reader(module)
    reader.learn_imports()
    for node in module.matches(_WORDS):
        reader.word(node)
    reader.follow_aliases()
    for pattern in (_WRAPPER_CALL, *calls_of(reader.wrappers)):
        for node in module.matches(pattern, 1):
            reader.wrapper_call(node)
    if b"decouple" in module.source or b"starlette.config" in module.source:
        for node in module.matches(_CONFIG_CALL, 1):
            reader.config_call(node)
    pysettings.scan(module)
    for node in module.matches(_DOTENV, 1):
        _dotenv(module, node)


class _Reader:
    """Finds environment objects in one module and what is read from them."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.objects: set[str] = set()
        self.functions: set[str] = set()
        self.wrappers: set[str] = set()

    def learn_imports(self) -> None:
        """`from os import environ as e, getenv`; `import os as o`."""
        source = self.module.source
        for found in re.finditer(rb"^[ \t]*from\s+os\s+import\s+(\([^)]*\)|[^\n#]+)", source, re.M):
            for name, alias in re.findall(rb"\b(environ|getenv)\b(?:\s+as\s+(\w+))?", found.group(1)):
                target = self.objects if name == b"environ" else self.functions
                target.add((alias or name).decode())
        for alias in re.findall(rb"^[ \t]*import\s+os\s+as\s+(\w+)", source, re.M):
            self.objects.add(f"{alias.decode()}.environ")
            self.functions.add(f"{alias.decode()}.getenv")
        self.objects.update({"os.environ"})
        self.functions.update({"os.getenv"})

    def is_environment(self, node: Node | None) -> bool:
        """Whether the expression is the environment."""
        inner = unwrap(node)
        return inner is not None and self.module.text(inner).replace(" ", "") in self.objects

    def name_of(self, node: Node) -> str | None:
        """The variable that an expression reads."""
        inner = unwrap(node)
        if inner is None:
            return None
        if inner.type == "subscript" and self.is_environment(inner.child_by_field_name("value")):
            return literal(self.module, inner.child_by_field_name("subscript"))
        if inner.type != "call":
            return None
        function = inner.child_by_field_name("function")
        positional, _ = arguments(self.module, inner)
        if function is None or not positional:
            holder = function.child_by_field_name("object") if function is not None else None
            return self.name_of(holder) if holder is not None else None
        if self._reads(function):
            return literal(self.module, positional[0])
        return self.name_of(positional[0]) if self.module.text(function) in {"int", "str", "float"} else None

    def _reads(self, function: Node) -> bool:
        text = self.module.text(function)
        if text in self.functions or text in self.wrappers or _WRAPPER_NAME.match(text):
            return True
        return function.type == "attribute" and self.is_environment(function.child_by_field_name("object"))

    def word(self, node: Node) -> None:
        """`environ` or `getenv` stands somewhere."""
        parent = node.parent
        if parent is None or node.type != "identifier":
            return
        whole = (
            parent if parent.type == "attribute" and parent.child_by_field_name("attribute") == node else node
        )
        text = self.module.text(whole)
        if text in self.objects:
            self.use(whole)
        elif text in self.functions:
            self._called(whole, "os.getenv")

    def follow_aliases(self) -> None:
        """Uses of further names: `env = os.environ`, `from os import environ as e, getenv as g`."""
        done = {"os.environ", "os.getenv", "environ", "getenv"}
        while todo := (self.objects | self.functions) - done:
            for name in todo:
                done.add(name)
                for node in self.module.matches(re.compile(rb"\b" + re.escape(name.encode()) + rb"\b")):
                    if node.type not in {"identifier", "attribute"}:
                        continue
                    if name in self.objects:
                        self.use(node)
                    else:
                        self._called(node, "os.getenv")

    def use(self, holder: Node) -> None:
        """The environment stands here: record what is taken from it."""
        parent = holder.parent
        if parent is None:
            return
        if parent.type == "subscript" and parent.child_by_field_name("value") == holder:
            self._subscript(parent)
        elif parent.type == "attribute" and parent.child_by_field_name("object") == holder:
            method = parent.child_by_field_name("attribute")
            if method is not None and self.module.text(method) in {"get", "pop", "setdefault", "__getitem__"}:
                self._called(parent, "os.environ")
        elif parent.type == "assignment" and parent.child_by_field_name("right") == holder:
            left = parent.child_by_field_name("left")
            if left is not None and left.type == "identifier":
                self.objects.add(self.module.text(left))
        elif parent.type == "comparison_operator" and parent.named_children[-1] == holder:
            name = literal(self.module, parent.named_children[0])
            if name is not None:
                self.module.add(parent, name, "os.environ")

    def _subscript(self, node: Node) -> None:
        if _is_written(node):
            return
        index = node.child_by_field_name("subscript")
        name = literal(self.module, index)
        if name is None and index is not None:
            self._learn_wrapper(node, index)
        self.module.add(
            node, name, "os.environ", alternative=alternative(self.module, node, self.name_of), subscript=True
        )

    def _learn_wrapper(self, node: Node, index: Node) -> None:
        """A function whose first parameter is the name: its callers name the variable."""
        function = next((above for above in ancestors(node) if above.type == "function_definition"), None)
        if function is None:
            return
        parameters, named = function.child_by_field_name("parameters"), function.child_by_field_name("name")
        if parameters is None or named is None or not parameters.named_children:
            return
        first = re.match(r"\w+", self.module.text(parameters.named_children[0]))
        if first and first.group() == self.module.text(index):
            self.wrappers.add(self.module.text(named))

    def _called(self, function: Node, form: str) -> None:
        call = function.parent
        if call is None or call.type != "call" or call.child_by_field_name("function") != function:
            self._function_alias(function)
            return
        positional, named = arguments(self.module, call)
        first = positional[0] if positional else named.get("key")
        if first is None:
            return
        name = literal(self.module, first)
        if name is None:
            self._learn_wrapper(call, first)
        self.module.add(call, name, form, alternative=self._alternative(call))

    def _function_alias(self, function: Node) -> None:
        """`get = os.getenv`."""
        statement = function.parent
        if statement is None or statement.child_by_field_name("right") != function:
            return
        left = statement.child_by_field_name("left")
        if left is not None and left.type == "identifier":
            self.functions.add(self.module.text(left))

    def _alternative(self, call: Node) -> Alternative:
        own = default_of(self.module, call, self.name_of)
        after = alternative(self.module, call, self.name_of)
        return after if after != Alternative() and own.literal in {None, ""} and not own.computed else own

    def wrapper_call(self, node: Node) -> None:
        """`require_env("X")`, `env.str("X", "d")`, functions of this module that read by name."""
        function = node
        call = node.parent
        if node.type == "identifier" and call is not None and call.type == "attribute":
            function, call = call, call.parent
        if call is None or call.type != "call" or call.child_by_field_name("function") != function:
            return
        text = self.module.text(function).removeprefix("self.")
        if self._reads(function) or _WRAPPER_NAME.match(text) or text in self.wrappers:
            self._named_call(call, "wrapper")

    def config_call(self, node: Node) -> None:
        """decouple and starlette: `config("X", default="d")`."""
        call = node.parent
        if node.type == "identifier" and call is not None and call.type == "call":
            self._named_call(call, "wrapper")

    def _named_call(self, call: Node, form: str) -> None:
        positional, _ = arguments(self.module, call)
        name = literal(self.module, positional[0]) if positional else None
        if name is not None and _UPPER.match(name):
            self.module.add(call, name, form, alternative=self._wrapper_alternative(call))

    def _wrapper_alternative(self, call: Node) -> Alternative:
        _, named = arguments(self.module, call)
        if "default" in named:
            return judge(self.module, [named["default"]], Fallback.DEFAULT, self.name_of)
        return self._alternative(call)


def _is_written(node: Node) -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "assignment":
        return parent.child_by_field_name("left") == node
    return parent.type == "delete_statement"


def _dotenv(module: Module, node: Node) -> None:
    """`load_dotenv(".env.local", override=True)`, `dotenv_values(Path(__file__).parent / ".env")`."""
    call = node.parent
    if call is not None and call.type == "attribute":
        call = call.parent
    if call is None or call.type != "call" or node.type != "identifier":
        return
    positional, named = arguments(module, call)
    given = positional[0] if positional else named.get("dotenv_path")
    override = positional[3] if len(positional) > 3 else named.get("override")
    search = _search(module, given)
    is_search = given is None or search is not None
    file = None if given is None else path_of(module, given) if search is None else search.file
    overridden = module.text(override) if override is not None else "False"
    module.dotenv_calls.append(
        DotenvCall(
            path=module.path,
            line=call.start_point[0] + 1,
            form=module.text(node),
            file=None if file is None else file.text,
            beside_module=file is not None and file.beside,
            from_cwd=search is not None and search.from_cwd,
            upward=is_search,
            override=overridden == "True",
            dynamic=(not is_search and file is None)
            or (search is not None and search.dynamic)
            or overridden not in {"True", "False"}
            or "stream" in named,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """The arguments of a `find_dotenv(…)`; `file` None: `.env`."""

    file: Place | None
    from_cwd: bool
    dynamic: bool


def _search(module: Module, given: Node | None) -> _Search | None:
    """`find_dotenv(".env.local", usecwd=True)`, called in place or before."""
    call = assigned(module, given) if given is not None and given.type == "identifier" else given
    function = None if call is None or call.type != "call" else call.child_by_field_name("function")
    if call is None or function is None or not module.text(function).endswith("find_dotenv"):
        return None
    positional, named = arguments(module, call)
    given = positional[0] if positional else named.get("filename")
    usecwd = positional[2] if len(positional) > 2 else named.get("usecwd")
    file = None if given is None else path_of(module, given)
    from_cwd = "False" if usecwd is None else module.text(usecwd)
    is_known = (given is None or file is not None) and from_cwd in {"True", "False"}
    return _Search(file=file, from_cwd=from_cwd == "True", dynamic=not is_known)
