"""What ``e_`` does to a picture: one table from the names of the grammar to functions over libvips images.

Pictures come in and go out as sRGB, 8 bits, with alpha or without. Runs inside a decoder only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyvips

from renditor.images.effects import art, colour, detail, shape, sight, tone
from renditor.images.effects.look import Look
from renditor.transformation.effects import Effect

__all__ = ["EFFECTS", "Look", "Step", "apply", "before_padding"]


@dataclass(frozen=True, slots=True)
class Step:
    """How an effect is done.

    Args:
        run: takes the picture, its ``Look`` and the arguments of the effect in their order.
        needs_memory: it reads pixels twice or far apart. A loader gives rows once, from top to bottom, so the picture
            is taken into memory first; its size is within the limits for results.
    """

    run: Callable[..., pyvips.Image]
    needs_memory: bool = False


EFFECTS: Mapping[str, Step] = {
    "assist_colorblind": Step(sight.assist_colorblind, needs_memory=True),
    "auto_brightness": Step(tone.auto_brightness, needs_memory=True),
    "auto_color": Step(tone.auto_color, needs_memory=True),
    "auto_contrast": Step(tone.auto_contrast, needs_memory=True),
    "bgremoval": Step(colour.bgremoval, needs_memory=True),
    "blackwhite": Step(colour.blackwhite),
    "blue": Step(tone.blue),
    "blur": Step(detail.blur),
    "blur_faces": Step(detail.blur_faces, needs_memory=True),
    "blur_region": Step(detail.blur_region, needs_memory=True),
    "brightness": Step(tone.brightness),
    "brightness_hsb": Step(tone.brightness_hsb),
    "cartoonify": Step(art.cartoonify, needs_memory=True),
    "colorize": Step(colour.colorize),
    "contrast": Step(tone.contrast),
    "fill_light": Step(tone.fill_light),
    "gamma": Step(tone.gamma),
    "gradient_fade": Step(shape.gradient_fade),
    "grayscale": Step(colour.grayscale),
    "green": Step(tone.green),
    "hue": Step(tone.hue),
    "improve": Step(tone.improve, needs_memory=True),
    "make_transparent": Step(colour.make_transparent, needs_memory=True),
    "negate": Step(colour.negate),
    "noise": Step(detail.noise),
    "oil_paint": Step(art.oil_paint, needs_memory=True),
    "opacity_threshold": Step(colour.opacity_threshold),
    "ordered_dither": Step(detail.ordered_dither),
    "outline": Step(shape.outline, needs_memory=True),
    "pixelate": Step(detail.pixelate),
    "pixelate_faces": Step(detail.pixelate_faces, needs_memory=True),
    "pixelate_region": Step(detail.pixelate_region, needs_memory=True),
    "recolor": Step(sight.recolor),
    "red": Step(tone.red),
    "replace_color": Step(colour.replace_color, needs_memory=True),
    "saturation": Step(tone.saturation),
    "sepia": Step(colour.sepia),
    "shadow": Step(shape.shadow, needs_memory=True),
    "sharpen": Step(detail.sharpen, needs_memory=True),
    "simulate_colorblind": Step(sight.simulate_colorblind),
    "tint": Step(colour.tint, needs_memory=True),
    "trim": Step(shape.trim, needs_memory=True),
    "unsharp_mask": Step(detail.unsharp_mask, needs_memory=True),
    "vibrance": Step(tone.vibrance),
    "vignette": Step(shape.vignette),
}


def apply(image: pyvips.Image, effect: Effect, look: Look) -> pyvips.Image:
    """``image`` with one effect: larger after ``shadow`` and ``outline``, smaller after ``trim``, else of its size.

    Args:
        image: sRGB, 8 bits, 3 bands or 4 with alpha; may be lazy and readable only once, from top to bottom.
        effect: as the grammar gives it, its name one of ``EFFECTS``, all arguments within their ranges.
        look: qualifiers in px of this picture.
    """
    step = EFFECTS[effect.name]
    if step.needs_memory:
        image = image.copy_memory()
    return step.run(image, look, *effect.arguments)


def before_padding(effect: Effect) -> bool:
    """Whether the effect belongs to the picture before room is added around it: it then fades into that room."""
    return effect.name == "gradient_fade" and effect.arguments[0] == "symmetric_pad"
