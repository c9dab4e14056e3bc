"""What can be set from outside, by environment variables that begin with AMAS_."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="AMAS_")

    knowledge: Path = Path(__file__).resolve().parent.parent / "data" / "knowledge.jsonl"
    workers: int = 3  # tasks that are worked on at once
