"""Effects on brightness, contrast and the strength of colours. Sizes and alpha stay.

Where Cloudinary's own formula is not public, the CSS filter of that name is used (W3C Filter Effects Module Level 1),
or the formula named at the function. Strengths are per cent; 0 changes nothing.
"""

from __future__ import annotations

from decimal import Decimal
from math import log

import pyvips

from renditor.images.effects.bands import LUMA, Curve, joined, levels, mapped, recoloured, split, weighed
from renditor.images.effects.look import Look
from renditor.images.effects.measure import Histogram, histograms, mean, percentile

_GREY = (LUMA, LUMA, LUMA)


def brightness(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """All colours multiplied: 100 doubles them, -99 leaves a hundredth (CSS brightness())."""
    return mapped(image, [_times(1 + _share(strength))] * 3)


def brightness_hsb(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """B of hue, saturation, brightness multiplied: hue and saturation stay, even where one channel is at its end."""
    return with_value(image, _times(1 + _share(strength)))


def with_value(image: pyvips.Image, curve: Curve) -> pyvips.Image:
    """Red, green and blue of a pixel multiplied so that the largest of them follows the curve: hue and saturation of
    HSB stay."""
    colour, alpha = split(image)
    after = levels(curve)
    factors = pyvips.Image.new_from_array([[after[value] / max(1, value) for value in range(256)]]).cast("float")
    return joined(colour * _largest(colour).maplut(factors), alpha)


def contrast(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """A steeper or flatter line through middle grey (CSS contrast())."""
    slope = 1 + _share(strength)
    return mapped(image, [lambda value: (value - 0.5) * slope + 0.5] * 3)


def saturation(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """100 doubles the distance of each colour from grey, -100 leaves grey (CSS saturate())."""
    return recoloured(image, _GREY, -_share(strength))


def vibrance(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Saturation that acts the more the paler a colour is: skin and what is vivid already are spared.

    Distance from luma is multiplied by 1 + strength * (1 - (max - min)), with colours from 0 to 1.
    """
    colour, alpha = split(image)
    amount = _share(strength)
    chroma = _largest(colour) - _smallest(colour)
    grey = weighed(colour)
    return joined((colour - grey) * chroma.linear(-amount / 255, 1 + amount) + grey, alpha)


def hue(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """The colour wheel of HSB turned: 100 is half a turn, -100 half a turn back; lightness and saturation stay.

    Formula: channel = V - V * S * max(0, min(k, 4 - k, 1)) with k = (n + H / 60) mod 6 and n = 5, 3, 1. In floats:
    the 8-bit HSB of libvips is up to six levels off.
    """
    colour, alpha = split(image)
    red, green, blue = colour.bandsplit()
    value, least = _largest(colour), _smallest(colour)
    chroma = value - least
    span = (chroma > 0).ifthenelse(chroma, 1)
    sixth = (value == red).ifthenelse(
        (green - blue) / span, (value == green).ifthenelse((blue - red) / span + 2, (red - green) / span + 4)
    )
    turn = 3 * _share(strength)
    bands = []
    for offset in (5, 3, 1):
        place = (sixth + (offset + turn + 12)) % 6
        bands.append(value - chroma * place.minpair(4 - place).clamp(min=0, max=1))
    return joined(bands[0].bandjoin(bands[1:]), alpha)


def gamma(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Value ** (1 / (1 + strength)): brighter or darker in the middle, black and white stay."""
    exponent = 1 / (1 + _share(strength))
    return mapped(image, [lambda value: value**exponent] * 3)


def red(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """Red multiplied: 100 doubles it, -100 removes it."""
    return _channel(image, 0, strength)


def green(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """See ``red``."""
    return _channel(image, 1, strength)


def blue(image: pyvips.Image, _: Look, strength: Decimal) -> pyvips.Image:
    """See ``red``."""
    return _channel(image, 2, strength)


def fill_light(image: pyvips.Image, _: Look, blend: Decimal, bias: Decimal) -> pyvips.Image:
    """Light in the shadows: value + a * value * (1 - value)^2, strongest at a third of the brightness.

    ``a`` is 1.5 and goes with ``bias`` from 0 to 3, the most at which no two brightnesses change places.
    """
    amount = 1.5 * (1 + _share(bias)) * _share(blend)
    return mapped(image, [lambda value: value + amount * value * (1 - value) ** 2] * 3)


def auto_brightness(image: pyvips.Image, _: Look, blend: Decimal) -> pyvips.Image:
    """The gamma that brings the mean to middle grey, at most a factor of two in the exponent."""
    grey_card = 0.46  # 18 % reflectance, the photographer's middle grey, in sRGB
    average = mean(histograms(image)[3]) / 255
    exponent = log(grey_card) / log(min(max(average, 0.01), 0.99))
    exponent = 1 + _share(blend) * (min(max(exponent, 0.5), 2) - 1)
    return mapped(image, [lambda value: value**exponent] * 3)


def auto_contrast(image: pyvips.Image, _: Look, blend: Decimal) -> pyvips.Image:
    """Brightness stretched to the whole range, the same for all channels; half a per cent is cut off at either end.

    At most four times: what is nearly one tone stays calm instead of becoming noise.
    """
    histogram = histograms(image)[3]
    low, high = (percentile(histogram, share) / 255 for share in (0.005, 0.995))
    if low == high:
        return image
    span = min(1, 4 * (high - low))
    middle = (low + high) / 2
    target = min(max(middle, span / 2), 1 - span / 2)
    amount = _share(blend)

    def stretched(value: float) -> float:
        return value + amount * ((value - middle) * span / (high - low) + target - value)

    return mapped(image, [stretched] * 3)


def auto_color(image: pyvips.Image, _: Look, blend: Decimal) -> pyvips.Image:
    """White balance after the grey-world assumption (Buchsbaum 1980): each channel multiplied in linear light so that
    the mean of all is grey. By a quarter at most: a meadow shall stay green."""
    means = [_linear_mean(histogram) for histogram in histograms(image)[:3]]
    grey = sum(weight * value for weight, value in zip(LUMA, means, strict=True))
    amount = _share(blend)
    gains = [min(max(grey / value if value else 1, 0.8), 1.25) ** amount for value in means]
    return mapped(image, [_exposed(gain) for gain in gains])


def improve(image: pyvips.Image, look: Look, mode: str, blend: Decimal) -> pyvips.Image:
    """Contrast, white balance, brightness and vibrance together. ``indoor`` corrects lamp light and darkness more."""
    indoor = mode == "indoor"
    image = auto_contrast(image, look, blend * Decimal("0.6"))
    image = auto_color(image, look, blend * Decimal("0.8" if indoor else "0.4"))
    image = auto_brightness(image, look, blend * Decimal("0.6" if indoor else "0.3"))
    return vibrance(image, look, blend * Decimal("0.15" if indoor else "0.25"))


def _share(strength: Decimal) -> float:
    return float(strength) / 100


def _channel(image: pyvips.Image, number: int, strength: Decimal) -> pyvips.Image:
    factors = [1.0, 1.0, 1.0]
    factors[number] += _share(strength)
    return mapped(image, [_times(factor) for factor in factors])


def _times(factor: float) -> Curve:
    return lambda value: value * factor


def _exposed(gain: float) -> Curve:
    """Light multiplied, as a camera does."""
    return lambda value: _to_srgb(_to_linear(value) * gain)


def _largest(colour: pyvips.Image) -> pyvips.Image:
    first, second, third = colour.bandsplit()
    return first.maxpair(second).maxpair(third)


def _smallest(colour: pyvips.Image) -> pyvips.Image:
    first, second, third = colour.bandsplit()
    return first.minpair(second).minpair(third)


def _linear_mean(histogram: Histogram) -> float:
    total = sum(histogram)
    return sum(_to_linear(value / 255) * count for value, count in enumerate(histogram)) / total if total else 0


def _to_linear(value: float) -> float:
    """IEC 61966-2-1 (sRGB) to linear light, both 0-1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _to_srgb(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
