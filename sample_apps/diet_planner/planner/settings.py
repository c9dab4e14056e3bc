"""What can be set from outside, by environment variables that begin with PLANNER_."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PLANNER_")

    database: str = "sqlite:///:memory:"
    title: str = "SmartDiet"
