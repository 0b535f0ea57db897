"""`[database.rotate]` of golive.toml."""

from pydantic import BaseModel, ConfigDict, model_validator


class RotatePlan(BaseModel):
    """The application's credentials: two roles that take turns, so that none is changed while it is used."""

    model_config = ConfigDict(extra="forbid")
    roles: list[str] = []
    """The two roles, such as ["acme_a", "acme_b"]; both act as `owner`."""
    owner: str = ""
    """The role that owns the application's tables; the two are its members and become it on login."""
    target: str = ""
    """Where the application reads its URL: "file:/run/acme/database_url" or "secret:NAME". golive writes it."""

    @model_validator(mode="after")
    def _whole(self) -> "RotatePlan":
        if self.roles and (len(self.roles) != 2 or len({*self.roles, self.owner}) != 3):
            raise ValueError('roles names two different roles, and owner a third: roles = ["acme_a", "acme_b"]')
        if self.roles and not (self.owner and self.target.startswith(("file:/", "secret:"))):
            raise ValueError('owner and target are needed too; target is "file:/PATH" or "secret:NAME"')
        return self
