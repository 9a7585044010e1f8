"""Languages of tracks: whatever a file or a person says, as one BCP 47 tag (RFC 5646), and its name in English.

Players choose a track by its tag. HLS and DASH both want BCP 47, in which a language goes by its shortest code: files
say ``eng``, ``ger`` or ``deu`` (ISO 639-2 has two codes for some), the tag is ``en``, ``de``.
"""

from __future__ import annotations

import re
from typing import Final

# ISO 639-1 code, its ISO 639-2 codes (terminological/bibliographic), name.
_LANGUAGES: Final = """
    aa aar Afar; ab abk Abkhazian; ae ave Avestan; af afr Afrikaans; ak aka Akan; am amh Amharic; an arg Aragonese;
    ar ara Arabic; as asm Assamese; av ava Avaric; ay aym Aymara; az aze Azerbaijani; ba bak Bashkir;
    be bel Belarusian; bg bul Bulgarian; bi bis Bislama; bm bam Bambara; bn ben Bangla; bo bod/tib Tibetan;
    br bre Breton; bs bos Bosnian; ca cat Catalan; ce che Chechen; ch cha Chamorro; co cos Corsican; cr cre Cree;
    cs ces/cze Czech; cu chu Church Slavic; cv chv Chuvash; cy cym/wel Welsh; da dan Danish; de deu/ger German;
    dv div Divehi; dz dzo Dzongkha; ee ewe Ewe; el ell/gre Greek; en eng English; eo epo Esperanto; es spa Spanish;
    et est Estonian; eu eus/baq Basque; fa fas/per Persian; ff ful Fulah; fi fin Finnish; fj fij Fijian;
    fo fao Faroese; fr fra/fre French; fy fry Western Frisian; ga gle Irish; gd gla Scottish Gaelic; gl glg Galician;
    gn grn Guarani; gu guj Gujarati; gv glv Manx; ha hau Hausa; he heb Hebrew; hi hin Hindi; ho hmo Hiri Motu;
    hr hrv Croatian; ht hat Haitian; hu hun Hungarian; hy hye/arm Armenian; hz her Herero; ia ina Interlingua;
    id ind Indonesian; ie ile Interlingue; ig ibo Igbo; ii iii Sichuan Yi; ik ipk Inupiaq; io ido Ido;
    is isl/ice Icelandic; it ita Italian; iu iku Inuktitut; ja jpn Japanese; jv jav Javanese; ka kat/geo Georgian;
    kg kon Kongo; ki kik Kikuyu; kj kua Kuanyama; kk kaz Kazakh; kl kal Kalaallisut; km khm Khmer; kn kan Kannada;
    ko kor Korean; kr kau Kanuri; ks kas Kashmiri; ku kur Kurdish; kv kom Komi; kw cor Cornish; ky kir Kirghiz;
    la lat Latin; lb ltz Luxembourgish; lg lug Ganda; li lim Limburgan; ln lin Lingala; lo lao Lao; lt lit Lithuanian;
    lu lub Luba-Katanga; lv lav Latvian; mg mlg Malagasy; mh mah Marshallese; mi mri/mao Maori; mk mkd/mac Macedonian;
    ml mal Malayalam; mn mon Mongolian; mr mar Marathi; ms msa/may Malay; mt mlt Maltese; my mya/bur Burmese;
    na nau Nauru; nb nob Norwegian Bokmål; nd nde North Ndebele; ne nep Nepali; ng ndo Ndonga; nl nld/dut Dutch;
    nn nno Norwegian Nynorsk; no nor Norwegian; nr nbl South Ndebele; nv nav Navajo; ny nya Chichewa; oc oci Occitan;
    oj oji Ojibwa; om orm Oromo; or ori Oriya; os oss Ossetian; pa pan Panjabi; pi pli Pali; pl pol Polish;
    ps pus Pushto; pt por Portuguese; qu que Quechua; rm roh Romansh; rn run Kirundi; ro ron/rum Romanian;
    ru rus Russian; rw kin Kinyarwanda; sa san Sanskrit; sc srd Sardinian; sd snd Sindhi; se sme Northern Sami;
    sg sag Sango; si sin Sinhala; sk slk/slo Slovak; sl slv Slovenian; sm smo Samoan; sn sna Shona; so som Somali;
    sq sqi/alb Albanian; sr srp Serbian; ss ssw Swati; st sot Southern Sotho; su sun Sundanese; sv swe Swedish;
    sw swa Swahili; ta tam Tamil; te tel Telugu; tg tgk Tajik; th tha Thai; ti tir Tigrinya; tk tuk Turkmen;
    tl tgl Tagalog; tn tsn Tswana; to ton Tongan; tr tur Turkish; ts tso Tsonga; tt tat Tatar; tw twi Twi;
    ty tah Tahitian; ug uig Uighur; uk ukr Ukrainian; ur urd Urdu; uz uzb Uzbek; ve ven Venda; vi vie Vietnamese;
    vo vol Volapük; wa wln Walloon; wo wol Wolof; xh xho Xhosa; yi yid Yiddish; yo yor Yoruba; za zha Zhuang;
    zh zho/chi Chinese; zu zul Zulu
"""
_ROWS = [row.split(maxsplit=2) for row in " ".join(_LANGUAGES.split()).split("; ")]
_SHORTEST: Final = {long: short for short, codes, _ in _ROWS for long in codes.split("/")}
_LONG: Final = {short: codes.partition("/")[0] for short, codes, _ in _ROWS}
_BIBLIOGRAPHIC: Final = {short: codes.rpartition("/")[2] for short, codes, _ in _ROWS}
_NAMES: Final = {short: name for short, _, name in _ROWS}

# RFC 5646, 2.1: language and its extension, script, region, variants, and private use. Other extensions (-u-, -t-) say
# nothing about which track to play.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{5,8})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)(?P<private>(?:-x(?:-[a-z0-9]{1,8})+)?)"
)
# Characters; what an implementation has to have room for (RFC 5646, 4.4.1).
_LONGEST: Final = 35
_CODE_LETTERS: Final = 3  # of ISO 639-2 and 639-3
# "Undetermined" (ISO 639-2): says no more than nothing.
_UNDETERMINED: Final = "und"


def language_tag(text: str | None) -> str | None:
    """A language as BCP 47 tag: ``eng`` -> ``en``, ``pt_br`` -> ``pt-BR``.

    Args:
        text: a tag, or an ISO 639 code, in any case.

    Returns: None where nothing is said (``und`` too), and for text that cannot be a tag. Codes that are well-formed
        but unknown here stay: ISO 639-3 has thousands.
    """
    if text is None or len(text) > _LONGEST:
        return None
    found = _TAG.fullmatch(text.strip().replace("_", "-").lower())
    if found is None:
        return None
    primary, _, extended = found["language"].partition("-")
    if primary == _UNDETERMINED:
        return None
    parts = [
        _SHORTEST.get(primary, primary),
        extended,
        (found["script"] or "").title(),
        (found["region"] or "").upper(),
    ]
    return "-".join(filter(None, parts)) + found["variants"] + found["private"]


def language_name(tag: str | None) -> str | None:
    """Its name in English: ``de`` -> ``German``, ``pt-BR`` -> ``Portuguese (BR)``. None: not known here."""
    primary, _, rest = (tag or "").partition("-")
    name = _NAMES.get(primary)
    return f"{name} ({rest})" if name and rest else name


def language_code(tag: str | None, *, bibliographic: bool = False) -> str | None:
    """Its ISO 639-2 code, which is all that most containers have room for: ``de`` -> ``deu``. None: it has none.

    Args:
        tag: as ``language_tag`` gives it.
        bibliographic: the other code, of those that have two (``ger``): QuickTime and Matroska use it, MP4 does not.
    """
    primary = (tag or "").partition("-")[0]
    known = _BIBLIOGRAPHIC if bibliographic else _LONG
    return known.get(primary) or (primary if len(primary) == _CODE_LETTERS else None)
