"""The manifests and the values for Dagster's chart: valid, safe, without secrets, and alike to each other.

Nothing here needs a cluster, and nothing here was run in one.
"""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import _check as check  # noqa: TID251

from deploy import kubernetes_files
from deploy.kubernetes_files import (
    FOLDER,
    PLACEHOLDER,
    VERSIONS,
    faults,
    instance_configuration,
    manifests,
    names_of_secrets,
    read,
    values,
)
from iu_pipelines.delivery import secrets
from iu_pipelines.domain.targets import DEFAULTS
from iu_pipelines.errors import IuError
from iu_pipelines.hosting import instance_configuration as own
