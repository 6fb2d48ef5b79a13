"""The database of label counts: each receipt counts once, in whichever process. It never holds a text."""

import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import Column, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError, OperationalError, SQLAlchemyError

from verdict.base.errors import VerdictError
from verdict.base.printable import plain
from verdict.web.receipts import Receipt, today

# Days for which a receipt is taken. Rows stay a day longer, since a clock may be ahead.
DAYS = 7
_LOCK_TIMEOUT = 10.0  # seconds to wait for the transaction of another process
_ERASED = ""  # in place of a label: the receipt is refused from now on
_TABLES = sa.MetaData()
_RECEIPTS = sa.Table(
    "verdict_receipts",
    _TABLES,
    Column("nonce", Text, primary_key=True),
    Column("day", sa.Integer, nullable=False, index=True),
    Column("actual", Text, nullable=False),
)
_LABELS = sa.Table(
    "verdict_labels",
    _TABLES,
    *(Column(name, Text, primary_key=True) for name in ("release", "predicted", "actual")),
    Column("day", sa.Integer, primary_key=True),
    Column("count", sa.BigInteger, nullable=False),
)
Outcome = Literal["counted", "repeated", "replayed"]


class Post(NamedTuple):
    """A receipt with the true label."""

    receipt: Receipt
    actual: str


class Count(NamedTuple):
    """The number of answers of a release by predicted and actual label; `last` is the day of the last, since 1970."""

    release: str
    predicted: str
    actual: str
    number: int
    last: int


class Store:
    """The database; while it is away, each use raises `SQLAlchemyError`.

    Args:
        url: as SQLAlchemy writes it: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.
        create: whether missing tables are created.

    Raises:
        VerdictError: the URL is wrong, or there is no driver for that database.
    """

    def __init__(self, url: str, create: bool = True) -> None:
        self._engine, self._ready, self._trouble = _engine(url, create), not create, ""
        self._last_cleanup = 0  # day
        self._insert: Any = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert

    def count(self, posts: Sequence[Post]) -> list[Outcome]:
        """Count labels, all or none; afterwards they survive a loss of power."""
        first = {post.receipt.nonce: post for post in reversed(posts)}
        rows = [
            {"nonce": nonce, "day": post.receipt.day, "actual": post.actual} for nonce, post in sorted(first.items())
        ]
        insert = self._insert(_RECEIPTS).values(rows).on_conflict_do_nothing().returning(_RECEIPTS.c.nonce)
        with self._begin() as connection:
            new = set(connection.scalars(insert))
            query = sa.select(_RECEIPTS.c.nonce, _RECEIPTS.c.actual).where(_RECEIPTS.c.nonce.in_(first))
            labels = {row.nonce: row.actual for row in connection.execute(query)}
            self._add(connection, [first[nonce] for nonce in new])
            if self._last_cleanup < today():
                connection.execute(sa.delete(_RECEIPTS).where(_RECEIPTS.c.day < today() - DAYS - 1))
                self._last_cleanup = today()
        return [_outcome(post, labels, new) for post in posts]

    def _add(self, connection: sa.Connection, posts: Sequence[Post]) -> None:
        keys = Counter((receipt.release, receipt.label, actual, receipt.day) for receipt, actual in posts)
        if keys:  # sorted like the receipts, so that two processes never deadlock
            rows = [(*key, count) for key, count in sorted(keys.items())]
            insert = self._insert(_LABELS).values(rows)
            total = {"count": _LABELS.c.count + insert.excluded.count}
            connection.execute(insert.on_conflict_do_update(index_elements=_LABELS.primary_key.columns, set_=total))

    def erase(self, receipt: Receipt) -> None:
        """Refuse a receipt from now on. Its label stays counted: a count holds no text."""
        insert = self._insert(_RECEIPTS).values(nonce=receipt.nonce, day=receipt.day, actual=_ERASED)
        with self._begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["nonce"], set_={"actual": _ERASED}))

    def erased(self, receipt: Receipt) -> bool:
        """Return whether a receipt was erased."""
        query = sa.select(_RECEIPTS.c.nonce).where(_RECEIPTS.c.nonce == receipt.nonce, _RECEIPTS.c.actual == _ERASED)
        with self._begin() as connection:
            return connection.execute(query).first() is not None

    def counts(self, since: int = 0) -> list[Count]:
        """The counts of all answers that were given since a day."""
        columns = (_LABELS.c.release, _LABELS.c.predicted, _LABELS.c.actual)
        figures = sa.func.sum(_LABELS.c.count), sa.func.max(_LABELS.c.day)
        query = sa.select(*columns, *figures).where(_LABELS.c.day >= since).group_by(*columns).order_by(*columns)
        with self._begin() as connection:
            return [Count(row[0], row[1], row[2], int(row[3]), row[4]) for row in connection.execute(query)]

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                if not self._ready:
                    if self._engine.dialect.name == "postgresql":  # several processes may start at once
                        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(1_986_359_668)))
                    _TABLES.create_all(connection)
                yield connection
        except SQLAlchemyError as error:
            self._report(error)
            self._engine.dispose()  # a connection made while the disk was read-only stays read-only
            raise
        self._ready, self._trouble = True, ""

    def _report(self, error: SQLAlchemyError) -> None:
        """Print once why the database is away. Messages of other errors may hold rows, so only their type is named."""
        trouble = plain(error.orig) if isinstance(error, OperationalError) else type(error).__name__
        if trouble != self._trouble:
            self._trouble = trouble
            print(f"database: {trouble}", file=sys.stderr, flush=True)


def _outcome(post: Post, labels: dict[str, str], new: set[str]) -> Outcome:
    if labels.get(post.receipt.nonce, post.actual) != post.actual:
        return "replayed"
    if post.receipt.nonce in new:
        new.discard(post.receipt.nonce)
        return "counted"
    return "repeated"


def _engine(url: str, create: bool) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            return _sqlite(Path(parsed.database).absolute(), create)
        if parsed.get_backend_name() == "postgresql":
            # A server that does not answer counts as away: clients are told instead of waiting.
            limits = {"connect_timeout": 5, "options": "-c statement_timeout=10000 -c synchronous_commit=on"}
            return sa.create_engine(parsed, connect_args=limits, pool_pre_ping=True, hide_parameters=True)
    except ImportError as error:
        what, remedy = f"{error.name} is not installed", "pip install -r requirements/postgresql.txt"
        raise VerdictError("--database", what, remedy) from None
    except (ArgumentError, NoSuchModuleError):
        pass  # the message would show the URL, which may hold a password
    what = "no URL of a database that can be used"
    raise VerdictError("--database", what, "sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME") from None


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set write-ahead logging. While another process does so first, SQLite is busy at once, whatever its timeout."""
    end = time.monotonic() + _LOCK_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                connection.close()
                raise
        time.sleep(0.01)


def _sqlite(path: Path, create: bool) -> sa.Engine:
    """An engine for a file that several processes write. Only the first connection may create it."""

    def connect() -> sqlite3.Connection:
        options: dict[str, Any] = {"uri": True, "isolation_level": None, "check_same_thread": False}
        url = f"file:{quote(str(path))}?mode={mode[0]}"
        connection: sqlite3.Connection = sqlite3.connect(url, timeout=_LOCK_TIMEOUT, **options)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        mode[0] = "rw"
        return connection

    def identity() -> tuple[int, int] | None:
        return (stat.st_dev, stat.st_ino) if path.exists() and (stat := path.stat()) else None

    mode = ["rwc" if create else "rw"]  # of the next connection
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.QueuePool, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def note(_: object, record: Any) -> None:  # noqa: ANN401 - of SQLAlchemy's pool
        record.info["file"] = identity()

    @sa.event.listens_for(engine, "checkout")
    def same(_: object, record: Any, __: object) -> None:  # noqa: ANN401 - of SQLAlchemy's pool
        if record.info["file"] != identity():  # removed or replaced: writes would be lost
            raise DisconnectionError

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # no other process writes between our read and our write

    return engine
