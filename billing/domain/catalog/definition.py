"""The catalog file: what is to be sold, read and checked."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from billing.core.errors import Misconfigured
from billing.core.money import exponent

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
Counted = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PriceDefinition(_Strict):
    """A price as the file declares it; `amount` in major units."""

    lookup_key: Key
    amount: Decimal = Field(gt=0)
    interval: Literal["day", "week", "month", "year"]
    trial_days: int = Field(default=0, ge=0, le=730)
    trial_needs_card: bool = True


class AllowanceDefinition(_Strict):
    """So much of something in each period: the subscription's own ("period"), or the calendar month ("month")."""

    amount: int = Field(ge=0, le=10**15)
    per: Literal["period", "month"] = "period"


class PlanDefinition(_Strict):
    """A plan as the file declares it."""

    key: Key
    name: str = Field(min_length=1, max_length=250)
    description: str = Field(min_length=1, max_length=500)
    default: bool = False
    highlight: bool = False
    per_seat: bool = False
    subscription: Key = "default"
    features: tuple[Key, ...] = ()
    limits: dict[Counted, int] = {}
    allowances: dict[Counted, AllowanceDefinition] = {}
    prices: tuple[PriceDefinition, ...] = ()


class CatalogDefinition(_Strict):
    """The whole file. Plans are ordered from the smallest to the largest."""

    currency: Annotated[str, Field(pattern=r"^[a-z]{3}$")]
    features: dict[Key, str]
    plans: tuple[PlanDefinition, ...]

    @field_validator("currency", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.plans:
            raise ValueError("no plan is declared")
        keys = [plan.key for plan in self.plans]
        lookup_keys = [price.lookup_key for plan in self.plans for price in plan.prices]
        for what, names in (("plan", keys), ("price", lookup_keys)):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what} {', '.join(twice)} is declared twice")
        if sum(plan.default for plan in self.plans) > 1:
            raise ValueError("more than one plan is the default")
        for key in sorted({key for plan in self.plans for key in plan.allowances}):
            if len({plan.allowances[key].per for plan in self.plans if key in plan.allowances}) > 1:
                raise ValueError(f"allowance {key} is counted per period in one plan and per month in another")
        for plan in self.plans:
            if unknown := sorted(set(plan.features) - set(self.features)):
                raise ValueError(f"plan {plan.key} grants unknown features: {', '.join(unknown)}")
            if both := sorted(plan.limits.keys() & plan.allowances.keys()):
                raise ValueError(f"plan {plan.key} has both as a limit and as an allowance: {', '.join(both)}")
            if plan.default and plan.prices:
                raise ValueError(f"plan {plan.key} is what everybody has without paying, so it cannot have prices")
            for price in plan.prices:
                self.minor_units(price)
        return self

    def minor_units(self, price: PriceDefinition) -> int:
        """The price's amount in minor units. Raises ValueError when the currency has fewer decimals."""
        scaled = price.amount.scaleb(exponent(self.currency))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"price {price.lookup_key}: {price.amount} has too many decimals for {self.currency}")
        return int(scaled)


def load(path: Path) -> CatalogDefinition:
    """The catalog in the TOML file at `path`. Raises Misconfigured with every mistake, in words."""
    try:
        return CatalogDefinition.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path}: {error}") from None
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(map(str, problem['loc'])) or 'catalog'}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False)
        ]
        raise Misconfigured("\n".join(lines)) from None
