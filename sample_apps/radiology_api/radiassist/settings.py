"""What can be set from outside, by environment variables that begin with RADIASSIST_."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RADIASSIST_")

    weights: Path = Path(__file__).resolve().parent.parent / "models" / "chest.npy"
    neighbours: int = 64  # how many reference images vote
    max_upload_bytes: int = 32_000_000
