"""Plans that were made, so that they can be looked at again."""

from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from planner.planning import Plan


class _Base(DeclarativeBase):
    pass


class _Row(_Base):
    __tablename__ = "plans"
    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[str]


class Store:
    """Plans by number, in any database that SQLAlchemy reaches; one in memory lives as long as the Store."""

    def __init__(self, url: str) -> None:
        in_memory = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        self._engine = create_engine(url, **(in_memory if url.endswith(":memory:") else {}))
        _Base.metadata.create_all(self._engine)

    def keep(self, plan: Plan) -> int:
        """Keep a plan; return its number."""
        with Session(self._engine) as session:
            row = _Row(plan=plan.model_dump_json())
            session.add(row)
            session.commit()
            return row.id

    def get(self, number: int) -> Plan | None:
        """The plan of that number; None where there is none."""
        with Session(self._engine) as session:
            text = session.scalar(select(_Row.plan).where(_Row.id == number))
        return Plan.model_validate_json(text) if text else None
