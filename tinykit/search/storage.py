"""Where a study is kept: a journal file that processes of one machine share, or a database for several machines."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tinykit.errors import EnvironmentFailure, ToolMissing, UsageError

_PACKAGES = {"psycopg": '"psycopg[binary]"', "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""What brings a driver's module; which one SQLAlchemy takes for PostgreSQL depends on its version."""


def open_storage(optuna: Any, url: str | None, output: Path) -> Any:
    """Optuna's storage: at a database's URL, such as postgresql://USER:PASSWORD@HOST/NAME; without one study.journal.

    Raises: UsageError for what is no such URL; ToolMissing without the database's driver; EnvironmentFailure where it
    does not answer.
    """
    if url is None:
        journal = importlib.import_module("optuna.storages.journal")
        return optuna.storages.JournalStorage(journal.JournalFileBackend(str(output / "study.journal")))
    kind, where = _described(url)
    errors = importlib.import_module("sqlalchemy.exc")
    try:
        return optuna.storages.RDBStorage(url)
    except ImportError as error:
        lacking = getattr(error.__cause__ or error, "name", None) or kind
        raise ToolMissing(
            f"a driver for {kind} is not installed",
            expected=f"the Python package {lacking}",
            next_step=f"Install it with: pip install {_PACKAGES.get(lacking, lacking)}",
        ) from error
    except (errors.ArgumentError, errors.NoSuchModuleError) as error:
        raise _no_url(url) from error
    except errors.SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        raise EnvironmentFailure(
            f"the database {where} cannot be used",
            found=said.splitlines()[0],
            next_step="Check that it runs, and user and password",
        ) from error


def _described(url: str) -> tuple[str, str]:
    """The kind of database, and where it is, without its password."""
    try:
        parts = urlsplit(url)
        kind, host = parts.scheme.split("+")[0], parts.hostname
    except ValueError as error:
        raise _no_url(url) from error
    if not kind or "://" not in url:
        raise _no_url(url)
    return kind, f"{kind}://{host or ''}{parts.path}"


def _no_url(url: str) -> UsageError:
    found = url if "@" not in url else "something with an @, perhaps a password"
    return UsageError(
        "--storage is no database's URL", expected="such as postgresql://USER:PASSWORD@HOST/NAME", found=found
    )
