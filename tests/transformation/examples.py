"""Texts of every kind of value, and strategies that make chains of them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from renditor.transformation.colours import ColourKind
from renditor.transformation.effects import EFFECTS, Declared, OrAuto, Parameter, PositionKind, WordOrNumber
from renditor.transformation.flags import FLAGS
from renditor.transformation.gravity import GRAVITIES
from renditor.transformation.kinds import ChoiceKind, DecimalKind, write_decimal

# Values for every operation: each text is valid on its own. A row of the table without examples fails a test.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "$": ("$a_1", "$a_0.50", "$a_iw_div_2", "$b_!red!", "$b_!a:b c%2C!", "$a_!12!_to_i", "$a_iw_mul_2_to_f"),
    "a": ("0", "90", "-90", "45", "360", "hflip", "vflip", "90.80.70", "hflip.90", "auto_right", "ignore", "exif.12"),
    "ar": ("16:9", "1.5", "1", "1.0", "4:3", "1.85356", "100", "1:100", "$a", "w_div_h"),
    "b": (
        *("red", "transparent", "rgb:fff", "rgb:abcd", "rgb:00000000", "auto", "auto:border"),
        *(
            "auto:predominant_contrast",
            "auto:border_gradient",
            "auto:predominant_gradient_contrast:4:vertical:palette_red_00f",
            "blurred",
            "blurred:400",
            "blurred:400:15",
            "blurred:100:-200",
            "$b",
        ),
    ),
    "bo": ("5px_solid_red", "05px_solid_rgb:FFAABBdd", "0px_solid_transparent", "3px_solid_$b"),
    "c": (
        *("scale", "fit", "limit", "mfit", "fill", "lfill", "fill_pad", "pad", "lpad", "mpad", "crop", "thumb"),
        *("auto", "auto_pad"),
    ),
    "co": ("red", "rgb:0f0", "$b"),
    "cs": ("srgb", "tinysrgb", "no_cmyk"),
    "d": ("avatar", "folder:avatar.png"),
    "dl": ("10", "200", "$a"),
    "dn": ("72", "300"),
    "dpr": ("1", "1.0", "2", "2.0", "0.1", "1.25", "10", "auto", "$a"),
    "e": ("sepia", "sepia:50", "blur:$a", "$b:50", "outline:inner:5", "outline:15:200", "tint:100:red:blue:40p"),
    "f": ("auto", "jpg", "jpeg", "png", "webp", "avif", "gif", "tif", "auto:image"),
    "fl": ("progressive", "attachment:a%2Emp4", "attachment:my file", "progressive:semi.lossy", "png8", "rasterize"),
    "g": (*GRAVITIES, "auto:classic", "auto:good", "$b"),
    "h": ("1", "0001", "10000", "0.5", "1.0", ".25", "10.0", "200.5", "iw_div_2", "ih_mul_0.5_add_$a", "100_add_5"),
    "if": (
        *("w_gt_100", "ar_gte_16:9_and_fc_eq_0_or_pc_ne_1", "!a:b!_in_tags", "$b_nin_!x:y!", "$b_eq_!red!"),
        *("else", "end"),
    ),
    "l": (
        *("logo", "brand:logo", "text:Arial_20:hi", "text:Arial_20_bold_letter_spacing_2:a%252Cb%2Fc"),
        *("fetch:aHR0cDovL3g", "video:dog", "subtitles:arial_20:talk.srt", "text:Arial_20:$(b)", "text:$b:x"),
        *("$b", "text:styled", "image:text:x"),
    ),
    "o": ("0", "100", "30", "30.0", "$a"),
    "p": ("a",),
    "pg": ("1", "2"),
    "q": ("1", "80", "100", "80:420", "80:444", "auto", "auto:best", "auto:good", "auto:low:444", "70:qmax_20", "$a"),
    "r": ("0", "20", "max", "10:20", "10:20:10:20", "1:2:3:4", "max:0", "10:$a", "iw_div_10"),
    "so": ("0", "1", "2.50", "86400", "0.001"),
    "sp": ("auto",),
    "t": ("card", "card.thumb"),
    "u": ("logo", "text:Arial_20:hi"),
    "w": (
        *("1", "0100", "10000", "0.5", "1.0", "auto", "auto:50", "auto:50:600", "auto:breakpoints"),
        *("auto:breakpoints_9_99_9_9", "$a", "iw", "iw_sub_10", "w_mul_0.5"),
    ),
    "x": ("0", "-5", "65535", "0.5", "-0.25", "-0.0", "iw_div_-2", "$a"),
    "y": ("0", "-5", "65535", "0.5"),
    "z": ("1", "0.5", "1.3", "$a"),
}


def parameter(key: str, text: str) -> str:
    return text if key == "$" else f"{key}_{text}"


def parameters() -> st.SearchStrategy[str]:
    tables = st.sampled_from([parameter(key, text) for key, texts in EXAMPLES.items() for text in texts])
    return tables | effects().map("e_{}".format) | flags() | expressions().map("w_{}".format) | texts()


def components() -> st.SearchStrategy[str]:
    return st.lists(parameters(), min_size=1, max_size=6).map(",".join)


def chains() -> st.SearchStrategy[str]:
    """Chains, some with brackets of layers and conditions in the right places."""
    ends = st.sampled_from(["fl_layer_apply,g_west,x_5", "if_else", "if_end", "if_w_gt_5", "l_logo", "c_fill,w_$a,h_9"])
    return st.lists(components() | ends, min_size=1, max_size=7).map("/".join)


def effects() -> st.SearchStrategy[str]:
    return st.one_of([_effect(name, declared) for name, declared in EFFECTS.items()])


def flags() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(sorted(FLAGS)), min_size=1, max_size=3, unique=True).map(
        lambda names: "fl_" + ".".join(names)
    )


def expressions() -> st.SearchStrategy[str]:
    operand = st.sampled_from(
        ["iw", "ih", "w", "h", "ar", "iar", "fc", "cp", "ow", "$a", "$b", "2", "0.5", "-3", "7.0"]
    )
    operator = st.sampled_from(["add", "sub", "mul", "div", "mod", "pow", "+", "*", "^", "-"])
    more = st.lists(st.tuples(operator, operand).map("_".join), max_size=4)
    return st.tuples(operand, more).map(lambda parts: "_".join([parts[0], *parts[1]]))


def texts() -> st.SearchStrategy[str]:
    """Text layers with any text, escaped once or twice."""
    escaped = st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace").decode())
    return escaped.map(lambda text: "l_text:Arial_20:" + "".join(f"%{byte:02X}" for byte in text.encode()))


def _effect(name: str, declared: Declared) -> st.SearchStrategy[str]:
    fixed = [_argument(one) for one in declared.parameters]
    repeated = [_argument(one) for one in declared.repeated * max(declared.counts, default=2)]
    taken = st.sampled_from(sorted(declared.counts) or range(len(fixed) + len(repeated) + 1))
    return st.tuples(st.tuples(*fixed, *repeated), taken).map(lambda drawn: ":".join((name, *drawn[0][: drawn[1]])))


def _argument(parameter: Parameter) -> st.SearchStrategy[str]:
    return _of_kind(parameter.kind)


def _of_kind(kind: object) -> st.SearchStrategy[str]:
    match kind:
        case DecimalKind():
            return st.decimals(kind.low, kind.high, places=2).map(write_decimal)
        case ChoiceKind():
            return st.sampled_from(sorted(kind.options))
        case ColourKind():
            return st.sampled_from(["red", "rgb:00ff00", "0f0", "12345678", "transparent"])
        case OrAuto():
            return st.just("auto") | _of_kind(kind.kind)
        case PositionKind():
            return st.decimals(Decimal(0), Decimal(100), places=1).map(lambda number: write_decimal(number) + "p")
        case WordOrNumber():
            return st.sampled_from(sorted(kind.words)) | _of_kind(kind.number)
        case _:
            raise NotImplementedError(kind)
