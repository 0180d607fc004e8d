"""The tables of users and roles, in a metadata of their own: a host app's database never gets them."""

from flask_security import AsaList, RoleMixin, UserMixin
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, ForeignKey, MetaData, String, Table
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """What the tables of people derive from."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)

user_roles = Table(
    "portal_user_roles",
    Base.metadata,
    Column("user_id", ForeignKey("portal_users.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("portal_roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Role(Base, RoleMixin):
    """A role; "staff" opens the admin pages."""

    __tablename__ = "portal_roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)


class User(Base, UserMixin):
    """Somebody who can sign in."""

    __tablename__ = "portal_users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool]
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)  # changes to end every session
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))  # encrypted
    tf_last_counter: Mapped[int | None]  # of the last code that was accepted, so that none is accepted twice
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(AsaList()))  # encrypted

    roles: Mapped[list[Role]] = relationship(secondary=user_roles, lazy="selectin")  # type: ignore[assignment]  # the mixin says list[RoleMixin]

    def has_staff_role(self) -> bool:
        """Whether the admin pages are open to this user."""
        return any(role.name == STAFF for role in self.roles)


STAFF = "staff"
