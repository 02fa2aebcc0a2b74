"""All findings: of the environment, the database, Dagster and this machine, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from iu_pipelines import extras
from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.domain.doctor import database
from iu_pipelines.domain.doctor.findings import Finding, Verdict, finding
from iu_pipelines.errors import IuError
from iu_pipelines.hosting import doctor
from iu_pipelines.hosting.doctor.machine import DAGSTER, ENVIRONMENT, MACHINE, Machine
from iu_pipelines.settings import Settings, given
