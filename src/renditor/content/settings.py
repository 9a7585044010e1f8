"""Settings of what is accepted: which formats, and who looks at files before they are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from renditor.content.sniff import FORMATS

# Stands for the path of the file in the arguments of a scan command.
PLACE = "{file}"


class ContentSettings(BaseModel, extra="forbid"):
    """Which files are taken in, and the scanner that every upload passes before it becomes an asset."""

    formats: tuple[str, ...] = Field(
        FORMATS,
        description="Formats that are accepted, as file extensions; SVG also needs `images.svg`. A shorter list is a"
        " smaller surface for attacks on decoders.",
    )
    scan_socket: str | None = Field(
        None, description="Where clamd listens: the path of its socket, or host:port. Every upload is sent to it."
    )
    scan_command: tuple[str, ...] | None = Field(
        None,
        description="Command that scans a file: its program by the full path, and `{file}` where the file goes. Status"
        " 0: clean; 1: infected; anything else: it failed.",
    )
    scan_reads: tuple[Path, ...] = Field(
        (), description="Files and folders that `scan_command` may read beside the file, such as its signatures."
    )
    scan_seconds: float = Field(60, gt=0, le=3600, description="How long one scan may take.")
    scan_optional: bool = Field(
        False, description="Accept files unscanned while the scanner fails; else such uploads are answered with 503."
    )
    quarantine: Literal["keep", "delete"] = Field(
        "keep", description="What becomes of infected files. keep: they are put into `quarantine/` of the data folder."
    )
    # Whoever sends the same virus with a byte changed again and again would fill the disk.
    quarantine_bytes: int = Field(1024**3, ge=0, description="Bytes that are kept in quarantine; more are deleted.")

    @field_validator("formats")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - set(FORMATS))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no format; there are {', '.join(FORMATS)}")
        return value

    @field_validator("scan_socket")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is None or value.startswith("/"):
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
            raise ValueError("give the path of a socket, or host:port such as 127.0.0.1:3310")
        return value

    @field_validator("scan_command")
    @classmethod
    def _is_command(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        if not value or not value[0].startswith("/"):
            raise ValueError("give the program by its full path")
        if not any(PLACE in argument for argument in value[1:]):
            raise ValueError(f"one of the arguments must have {PLACE} in it")
        return value

    @model_validator(mode="after")
    def _one_scanner(self) -> Self:
        if self.scan_socket is not None and self.scan_command is not None:
            raise ValueError("scan_socket and scan_command are two scanners: set one of them")
        return self
