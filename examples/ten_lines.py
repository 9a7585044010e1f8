"""Make a photo servable in ten lines: python examples/ten_lines.py photo.jpg."""

import asyncio
import sys
from types import SimpleNamespace

from renditor import MediaProcessingService


async def main() -> None:
    async with MediaProcessingService("data") as media:
        uploaded = await media.process_upload(sys.argv[1], SimpleNamespace(id="anna"))
        asset = await media.wait(uploaded["id"], SimpleNamespace(id="anna"))
        print(asset["status"], asset["width"], asset["height"], asset["url"])


asyncio.run(main())
