"""The merge of devstack's own options by pydantic-settings; imported only when more than flags were given."""

from collections.abc import Mapping
from typing import Any

from pydantic import create_model
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict


def merge(
    file: Mapping[str, object], environment: Mapping[str, object], flags: Mapping[str, object]
) -> dict[str, object]:
    """The winning values: a flag beats a variable, a variable beats the file. Defaults are left out."""

    class Merged(BaseSettings):
        """Takes exactly these layers: the real environment and dotenv files are not looked at here."""

        model_config = SettingsConfigDict(extra="forbid", frozen=True)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            *_: PydanticBaseSettingsSource,
            **__: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Best first."""
            layers = (flags, environment, file)
            return tuple(InitSettingsSource(settings_cls, init_kwargs=dict(layer)) for layer in layers)

    names = {*file, *environment, *flags}
    definitions: dict[str, Any] = dict.fromkeys(names, (object, None))
    model = create_model("Options", __base__=Merged, **definitions)
    return {name: getattr(model(), name) for name in names}
