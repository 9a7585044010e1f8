"""Names that parameters choose from: name -> what it means."""

from __future__ import annotations

CROP_MODES = {
    "scale": "exactly w x h, stretched when both are given",
    "fit": "as large as fits into w x h, enlarged if needed, never stretched",
    "limit": "like fit, but never enlarged",
    "mfit": "like fit, but never made smaller",
    "fill": "exactly w x h: scaled to cover the box, the rest cut away, g says which part stays",
    "lfill": "like fill, but never enlarged: only what is longer than the box is cut away",
    "fill_pad": "like fill with g_auto, but padded with b when what matters would be cut away",
    "pad": "like fit, then filled up to exactly w x h with b, g says where the picture stands",
    "lpad": "like pad, but the picture is never enlarged",
    "mpad": "like pad, but the picture is never made smaller",
    "crop": "a region of w x h cut out at x,y or by g, not scaled",
    "thumb": "a region around what g names (face, faces, auto), scaled to w x h; z zooms",
    "auto": "the best region of that shape by g (auto), scaled to w x h",
    "auto_pad": "like auto, but padded with b when what matters would be cut away",
}
CROP_MODES_NOT_MADE = frozenset({"imagga_crop", "imagga_scale"})

FORMATS = {
    "auto": "the best format the client accepts: AVIF, WebP, else JPEG, or PNG for transparency",
    "jpg": "JPEG",
    "png": "PNG",
    "webp": "WebP",
    "avif": "AVIF",
    "gif": "GIF",
    "tiff": "TIFF",
}
FORMAT_ALIASES = {
    "jpeg": "jpg",
    "jpe": "jpg",
    "tif": "tiff",
    "auto:image": "auto",
    "auto:animated": "auto",
}
# Formats that Cloudinary delivers and nothing here makes of a picture.
FORMATS_NOT_MADE = frozenset(
    {
        *("ai", "auto:video", "bmp", "djvu", "eps", "fbx", "flif", "glb", "gltf", "hdp", "heic", "heif"),
        *("ico", "indd", "jp2", "jpc", "jxl", "jxr", "obj", "pdf", "ps", "psd", "svg", "tga", "usdz"),
        *("wdp", "aac", "aiff", "flac", "m3u8", "m4a", "mkv", "mov", "mp3", "mp4", "mpd", "ogg", "ogv"),
        *("opus", "ts", "wav", "webm", "wma", "wmv", "3gp", "avi", "flv"),
    }
)

COLOUR_SPACES = {
    "srgb": "sRGB, which everything is delivered in",
    "tinysrgb": "sRGB, without a colour profile in the file",
}
COLOUR_SPACES_NOT_MADE = frozenset({"keep_cmyk", "cmyk", "copy"})
