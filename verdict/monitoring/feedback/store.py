"""Counts of labels in a database: each receipt once, whichever process it comes to. Here is no text, ever."""

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

# Days for which a receipt is taken; then a day more, since a clock may be ahead.
DAYS = 7
# Seconds that one process waits for another one's transaction.
_PATIENCE = 10.0
_ERASED = ""  # in place of a label: whoever comes with the receipt again is refused
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
    """A receipt that came back, and the true label."""

    receipt: Receipt
    actual: str


class Count(NamedTuple):
    """How often a release said one thing and another was right; the last day of such an answer, since 1970."""

    release: str
    predicted: str
    actual: str
    number: int
    last: int


class Store:
    """A database, reached when it is needed: one that is away raises `SQLAlchemyError` until it is back.

    Args:
        url: as SQLAlchemy writes it: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.
        create: whether tables that are not there yet are made.

    Raises:
        VerdictError: the URL is none, or of a database that there is no driver for.
    """

    def __init__(self, url: str, create: bool = True) -> None:
        self._engine, self._ready, self._forgot, self._trouble = _engine(url, create), not create, 0, ""
        self._insert: Any = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert

    def count(self, posts: Sequence[Post]) -> list[Outcome]:
        """Count labels, all or none: once this returns they survive a loss of power."""
        first = {post.receipt.nonce: post for post in reversed(posts)}
        rows = [
            {"nonce": nonce, "day": post.receipt.day, "actual": post.actual} for nonce, post in sorted(first.items())
        ]
        insert = self._insert(_RECEIPTS).values(rows).on_conflict_do_nothing().returning(_RECEIPTS.c.nonce)
        with self._begin() as connection:
            new = set(connection.scalars(insert))
            asked = sa.select(_RECEIPTS.c.nonce, _RECEIPTS.c.actual).where(_RECEIPTS.c.nonce.in_(first))
            labels = {row.nonce: row.actual for row in connection.execute(asked)}
            self._add(connection, [first[nonce] for nonce in new])
            if self._forgot < today():
                connection.execute(sa.delete(_RECEIPTS).where(_RECEIPTS.c.day < today() - DAYS - 1))
                self._forgot = today()
        return [_outcome(post, labels, new) for post in posts]

    def _add(self, connection: sa.Connection, posts: Sequence[Post]) -> None:
        keys = Counter((receipt.release, receipt.label, actual, receipt.day) for receipt, actual in posts)
        if keys:  # in one order, as the receipts: two processes never wait for each other
            rows = [(*key, count) for key, count in sorted(keys.items())]
            insert = self._insert(_LABELS).values(rows)
            total = {"count": _LABELS.c.count + insert.excluded.count}
            connection.execute(insert.on_conflict_do_update(index_elements=_LABELS.primary_key.columns, set_=total))

    def erase(self, receipt: Receipt) -> None:
        """Let a receipt be taken never again. What was counted stays counted: it is a number."""
        insert = self._insert(_RECEIPTS).values(nonce=receipt.nonce, day=receipt.day, actual=_ERASED)
        with self._begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["nonce"], set_={"actual": _ERASED}))

    def erased(self, receipt: Receipt) -> bool:
        """Whether a receipt is taken never again."""
        asked = sa.select(_RECEIPTS.c.nonce).where(_RECEIPTS.c.nonce == receipt.nonce, _RECEIPTS.c.actual == _ERASED)
        with self._begin() as connection:
            return connection.execute(asked).first() is not None

    def counts(self, since: int = 0) -> list[Count]:
        """All counts of answers that were given since a day."""
        columns = (_LABELS.c.release, _LABELS.c.predicted, _LABELS.c.actual)
        figures = sa.func.sum(_LABELS.c.count), sa.func.max(_LABELS.c.day)
        asked = sa.select(*columns, *figures).where(_LABELS.c.day >= since).group_by(*columns).order_by(*columns)
        with self._begin() as connection:
            return [Count(row[0], row[1], row[2], int(row[3]), row[4]) for row in connection.execute(asked)]

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
            self._tell(error)
            self._engine.dispose()  # a connection that was made while a disk was read-only stays so
            raise
        self._ready, self._trouble = True, ""

    def _tell(self, error: SQLAlchemyError) -> None:
        """Say once why the database is away; errors of another kind may name rows."""
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
            # What does not answer is away: those who wait are told so.
            wait = {"connect_timeout": 5, "options": "-c statement_timeout=10000 -c synchronous_commit=on"}
            return sa.create_engine(parsed, connect_args=wait, pool_pre_ping=True, hide_parameters=True)
    except ImportError as error:
        what, remedy = f"{error.name} is not installed", "pip install -r requirements/postgresql.txt"
        raise VerdictError("--database", what, remedy) from None
    except (ArgumentError, NoSuchModuleError):
        pass  # the message would show the URL, which may hold a password
    what = "no URL of a database that can be used"
    raise VerdictError("--database", what, "sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME") from None


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set the mode of a file. While others do so for the first time, SQLite is busy at once, whatever its timeout."""
    end = time.monotonic() + _PATIENCE
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
    """A file that several processes write: only the first time it may be missing."""

    def connect() -> sqlite3.Connection:
        mode = "rw" if found else "rwc"
        options: dict[str, Any] = {"uri": True, "isolation_level": None, "check_same_thread": False}
        url = f"file:{quote(str(path))}?mode={mode}"
        connection: sqlite3.Connection = sqlite3.connect(url, timeout=_PATIENCE, **options)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        found.append(path)
        return connection

    def identity() -> tuple[int, int] | None:
        return (stat.st_dev, stat.st_ino) if path.exists() and (stat := path.stat()) else None

    found = [] if create else [path]
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.QueuePool, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def note(_: object, record: Any) -> None:  # noqa: ANN401 - of SQLAlchemy's pool
        record.info["file"] = identity()

    @sa.event.listens_for(engine, "checkout")
    def same(_: object, record: Any, __: object) -> None:  # noqa: ANN401 - of SQLAlchemy's pool
        if record.info["file"] != identity():  # removed, or replaced: what is written here nobody would find again
            raise DisconnectionError

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # who reads first and writes then could find it changed

    return engine
