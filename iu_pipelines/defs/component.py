"""`dg` components that add some outboxes or a fleet to a code location, and their scaffolders."""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from string import Template
from typing import Annotated, Any, Final

import dagster as dg
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.fleet import build_fleet_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.errors import UsageError

_FLEET_FILE: Final = "fleet.yaml"
_FILES: Final = {"yaml": "defs.yaml", "python": "component.py"}
_LONGEST: Final = 41


class OutboxScaffolder(dg.Scaffolder):
    """`dg scaffold defs iu_pipelines.OutboxComponent NAME`: one outbox, named after its folder."""

    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        """Write the file of the format of `request`, or add the outbox to an existing YAML file."""
        file = _FILES[request.scaffold_format]
        text = scaffolded(file, outbox_name(request.target_path.name))
        if request.append:
            with request.target_path.open("a", encoding="utf-8") as existing:
                existing.write(f"---\n{text}")
        else:
            (request.target_path / file).write_text(text, encoding="utf-8")


def scaffolded(file: str, name: str) -> str:
    """Return the text of `file`, `defs.yaml` or `component.py`, for the outbox `name`."""
    template = resources.files("iu_pipelines.defs") / "templates" / f"{file}.template"
    return Template(template.read_text(encoding="utf-8")).substitute(name=name, NAME=name.upper())


def outbox_name(folder: str) -> str:
    """Return the name of an outbox in `folder`: its letters and digits in lower case, joined by _."""
    words = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_0123456789")
    return words[:_LONGEST] or "outbox"


def _outbox_model() -> type[BaseModel]:
    """Return the model of one outbox, whose JSON schema also lists the keys when one is unknown."""
    derived = Mount.model()
    given: Any = derived.model_config.get("json_schema_extra") or {}
    config = ConfigDict(json_schema_extra=given | {"propertyNames": {"enum": list(Mount.model_fields)}})
    return type(derived.__name__, (derived,), {"model_config": config, "__module__": __name__})


def _unless_template(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Check a list. A text is a template, which Dagster replaces later."""
    return value if isinstance(value, str) else handler(value)


@dg.scaffold_with(OutboxScaffolder)
class OutboxComponent(dg.Component, dg.Resolvable, dg.Model):
    """The assets, checks, jobs, schedules and sensors of one or more outboxes."""

    outboxes: Sequence[Mount] = Field(
        min_length=1, description="The outboxes. Each must have a different name."
    )

    @classmethod
    @cache
    def model(cls) -> type[BaseModel]:
        """Return the model of the YAML file, whose errors name the outbox and the key.

        The model that Dagster derives is a union of a list and a template. Its JSON schema refuses the whole
        list for one unknown key, and each other error is followed by one about the template.
        """
        derived = super().model()
        outbox: Any = _outbox_model()
        outboxes: Any = Annotated[Sequence[outbox], WrapValidator(_unless_template)]
        given: Any = Field(
            min_length=1,
            description=derived.model_fields["outboxes"].description,
            json_schema_extra={"type": ["array", "string"]},
        )
        return create_model(derived.__name__, __base__=derived, outboxes=(outboxes, given))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the merged definitions of every outbox. Raises UsageError if two have the same name."""
        names = [outbox.name for outbox in self.outboxes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(
                f"two outboxes have the name {twice[0]!r}", hint="Give each outbox a different `name`."
            )
        return dg.Definitions.merge(*(build_defs(outbox) for outbox in self.outboxes))


class FleetScaffolder(dg.Scaffolder):
    """`dg scaffold defs iu_pipelines.FleetComponent NAME`: the component, and a file with two outboxes."""

    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        """Write the component and the file of the fleet.

        Raises:
            UsageError: another format than YAML, or an existing file, is asked for.
        """
        if request.scaffold_format != "yaml" or request.append:
            raise UsageError(
                "a fleet is a component of its own in YAML", hint="Leave out --format and --append."
            )
        name = outbox_name(request.target_path.name)
        for file, template in ((_FILES["yaml"], "fleet_defs.yaml"), (_FLEET_FILE, _FLEET_FILE)):
            (request.target_path / file).write_text(scaffolded(template, name), encoding="utf-8")


@dg.scaffold_with(FleetScaffolder)
class FleetComponent(dg.Component, dg.Resolvable, dg.Model):
    """The outboxes of a fleet, and its sensors: one for each kind of question."""

    file: str = Field(
        default=_FLEET_FILE,
        min_length=1,
        description="The file of the fleet, relative to the folder of the component. `iu fleet status` "
        "reads the same file.",
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the definitions of the fleet. Raises UsageError if the file is invalid."""
        return build_fleet_defs(context.path / self.file)
