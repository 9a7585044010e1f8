"""Gravity: which part of a picture counts, or where something stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from renditor.transformation.faults import NotMade

COMPASS = {
    "center": "the middle",
    "north_west": "the top left corner",
    "north": "the top edge",
    "north_east": "the top right corner",
    "west": "the left edge",
    "east": "the right edge",
    "south_west": "the bottom left corner",
    "south": "the bottom edge",
    "south_east": "the bottom right corner",
}

GRAVITIES = {
    **COMPASS,
    "xy_center": "the middle of the part is the point x, y",
    "custom": "the focal point that the owner gave (`PATCH /media/{id}`); without one the middle",
    "custom:face": "the focal point that the owner gave; without one the largest face",
    "custom:faces": "the focal point that the owner gave; without one all faces",
    "custom:auto": "the focal point that the owner gave; without one what auto finds",
    "face": "the largest face; without faces the focal point",
    "face:center": "the largest face; without faces the middle",
    "face:auto": "the largest face; without faces what auto finds",
    "faces": "all faces; without faces the focal point",
    "faces:center": "all faces; without faces the middle",
    "faces:auto": "all faces; without faces what auto finds",
    "auto": "what draws the eye: the focal point of the owner, faces, else the liveliest part",
    "auto:face": "like auto, the largest face first",
    "auto:faces": "like auto, all faces first",
    "auto:subject": "like auto",
}

# Other spellings of the same.
ALIASES = {
    "auto:classic": "auto",
    "auto:good": "auto",
    "xy_center:face": "xy_center",
}

# The things that Cloudinary finds on request (its documentation names the eighty classes of the COCO data set, among
# others). Nothing here finds them; the list tells them from misspelt gravities.
OBJECTS = frozenset(
    {
        *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
        *("traffic_light", "fire_hydrant", "stop_sign", "parking_meter", "bench", "bird", "cat", "dog"),
        *("horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella"),
        *("handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports_ball", "kite"),
        *("baseball_bat", "baseball_glove", "skateboard", "surfboard", "tennis_racket", "bottle"),
        *("wine_glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange"),
        *("broccoli", "carrot", "hot_dog", "pizza", "donut", "cake", "chair", "couch", "potted_plant"),
        *("bed", "dining_table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell_phone"),
        *("microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors"),
        *("teddy_bear", "hair_drier", "toothbrush"),
    }
)


@dataclass(frozen=True, slots=True)
class GravityKind:
    """One of the names in ``options``; what needs to know what things are is real and not made here."""

    options: Mapping[str, str] = field(default_factory=lambda: GRAVITIES)

    # What Cloudinary's add-ons find.
    _ADD_ONS = ("adv_", "ocr_text", "liquid", "body", "track_")

    @property
    def expects(self) -> str:
        return "one of " + ", ".join(self.options)

    def read(self, text: str) -> str:
        name = ALIASES.get(text, text)
        if name in self.options:
            return name
        if text.startswith(("auto:", *self._ADD_ONS)):
            raise NotMade(text)
        raise NotMade(text) if text.partition(":")[0] in OBJECTS else ValueError(text)

    def write(self, value: str) -> str:
        return value
