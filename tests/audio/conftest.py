from tests.toolbox import binaries, folder, launcher, toolbox

__all__ = ["binaries", "folder", "launcher", "toolbox"]
