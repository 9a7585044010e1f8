"""FFmpeg, ffprobe and Shaka Packager: where they are, what they can do, and how they are run on untrusted files."""
