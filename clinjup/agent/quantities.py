"""Numbers in a clinician's sentence: sensitivity targets, harm ratios, false marks per image, prevalence.

All functions take folded text (agent.vocabulary.fold) and return None where nothing is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

_WORDS = {
    1: "one a an single ein eine einen einem einer eines eins every each jede jedes jedem jeden per",
    2: "two zwei both second zweite zweites zweiten other",
    3: "three drei third dritte drittes", 4: "four vier", 5: "five fuenf", 6: "six sechs", 7: "seven sieben", 8: "eight acht",
    9: "nine neun", 10: "ten zehn", 12: "twelve zwoelf dozen dutzend", 15: "fifteen fuenfzehn", 20: "twenty zwanzig",
    25: "twenty-five fuenfundzwanzig", 30: "thirty dreissig", 40: "forty vierzig", 50: "fifty fuenfzig", 60: "sixty sechzig",
    70: "seventy siebzig", 80: "eighty achtzig", 90: "ninety neunzig", 95: "ninety-five fuenfundneunzig", 98: "ninety-eight achtundneunzig",
    99: "ninety-nine neunundneunzig", 100: "hundred hundert", 200: "zweihundert", 500: "fuenfhundert", 1000: "thousand tausend",
}  # fmt: skip
_NUMBER_WORDS = {word: float(value) for value, words in _WORDS.items() for word in words.split()} | {
    "half a": 0.5, "half": 0.5, "eine halbe": 0.5, "ein halbes": 0.5, "ein halber": 0.5, "halbe": 0.5,
}  # fmt: skip
_DIGITS = r"\d+(?:[.,]\d+)?"
_COUNT = rf"(?:{_DIGITS}|\b(?:{'|'.join(sorted(_NUMBER_WORDS, key=len, reverse=True))})\b)"
_PERCENT = r"\s*-?\s*(?:%|percent|per cent|prozent)\w*"
_SHARE = rf"(?<![\d.,])(?P<share>{_COUNT}(?:{_PERCENT})|0[.,]\d+|1[.,]0+)"
# Between "sensitivity" and its number: one clause without a reason, and after a comma nothing but "at least" and the like.
_CUE = (
    r"(?:(?:of|is|be|at|to|with|a|an|the|least|minimum|about|around|roughly|ideally|preferably|better|say|above|over|below|under|up"
    r"|no|not|more|less|lower|higher|than|most|max|namely|von|bei|zu|mindestens|wenigstens|hoechstens|etwa|rund|ungefaehr|moeglichst"
    r"|am|besten|idealerweise|ueber|unter|gleich|mind\.|min\.|max\.|ca\.|[=:>≥~(])\s*){0,5}"
)
_CLAUSE = (
    r"(?:mind\.|min\.|max\.|ca\.|(?!specific|spezif|sensitiv|recall|trefferquote|because\b|since\b|although\b|while\b|weil\b|denn\b|obwohl\b)"
    r"[^.,;\n]){0,45}?"
)
_OTHERS_HAVE = (
    r"(?!\s*(?:of|der|aller|unserer|von)\b[^.,;\n]{0,25}\b(?:patient|people|wom[ae]n|m[ae]n|lesion|image|picture|case|mole"
    r"|frauen|maenner|laesion|bilder|aufnahme|faelle)\w*\b[^.,;\n]{0,25}\b(?:is|are|was|were|have|has|show|shows|suffer|ist|sind|war|waren|hat|haben|zeigen"
    r"|leiden)\b(?! to\b))"
)
_COUNTED = (
    r"(?!\s*(?:patient|image|picture|photo|case|lesion|film|x-? ?ray|radiograph|scan|melanom|nev|naev|year|bild|aufnahm|faell|fall\b"
    r"|laesion|jahr)\w*)"
)
_STATED = rf"(?:{_CLAUSE}(?:,\s*)?{_CUE}{_SHARE}|\s*,?\s*{_CUE}(?<![\d.,])(?P<bare>\d{{2,3}})(?![\d%]|[.,]\d){_COUNTED}){_OTHERS_HAVE}"
_LEAST = 0.5  # sensitivity or specificity
_MARK = (
    r"(?:marks?|markings?|boxes|box|alarms?|positives?|findings?|detections?|hits?|calls?|markierung\w*|boxen|kasten|kaesten|kaestchen"
    r"|rahmen|detektion(?:en)?|alarme?n?|positive\w*|befunde?|treffer)"
)
_FALSE = r"(?:(?:false|wrong|falsch\w*|unnoetige\w*|fehlerhafte\w*)[ -]?|fehl-?)"
_IMAGES = r"(?:images?|films?|x-? ?rays?|pictures?|radiographs?|bilde?r?n?|aufnahmen?|roentgenbilde?r?n?)"


def number(words: str) -> float:
    """'0,95' -> 0.95, 'zehn' -> 10."""
    return float(words.replace(",", ".")) if words[0].isdigit() else _NUMBER_WORDS[words]


def share(words: str) -> float | None:
    """'95 %', '95 percent', '0.95' or '95' -> 0.95; None where it is no share."""
    count = re.match(_COUNT, words)
    if count is None:
        return None
    value = number(count[0])
    value = value / 100 if re.search(_PERCENT, words) or value > 1 else value
    return round(value, 6) if 0 < value <= 1 else None


def _quality(text: str, noun: str) -> tuple[float, int] | None:
    """Share that stands next to `noun`, and where. Below one half it is no target."""
    before = rf"(?:{_SHARE}|(?<![\d.,])(?P<bare>\d{{2,3}}))\s*(?:(?:of|an|in|target|minimum|min)\s+)*(?:{noun})"
    after = rf"(?:{noun}){_STATED}"
    for shape in (before, after):
        for hit in re.finditer(shape, text):
            if (value := share(hit["share"] or hit["bare"])) and value >= _LEAST:
                return value, hit.start()
    return None


_FIND = (
    r"(?:found|detect\w*|caught|recogni[sz]ed|identified|picked up|spotted|diagnosed|discovered|erkannt|gefunden|entdeckt|erfasst"
    r"|identifiziert|aufgespuert|gesehen|seen)"
)
_TO_FIND = r"(?:catch|find|detect|recogni[sz]e|pick up|identify)"
_NEED = r"(?:must|should|shall|need\w*|ha(?:s|ve) to|(?:is|are) to|muss|muessen|soll\w*)"
_AT_MOST = (
    r"(?:at (?:the )?most|no more than|not more than|less than|fewer than|under|below|up to|max\w*\.?(?: of)?"
    r"|hoechstens|maximal|weniger als|nicht mehr als|unter|bis zu)"
)
_OVERLOOK = r"(?:miss\w*|overlook\w*|uebers\w*|verpass\w*|entgeh\w*|durchrutsch\w*)"
_FEW = rf"(?:{_SHARE}|(?P<cases>{_COUNT})\s+(?:in|of|out of|von|unter)\s+(?P<all>\d+|{'|'.join(_NUMBER_WORDS)})\b)"
_CAUGHT = (
    rf"\b{_TO_FIND}\b[^.;\n]{{0,20}}?{_SHARE}\s*(?:of|out of)",
    rf"\b{_TO_FIND}\b[^.;\n]{{0,20}}?(?P<share>\d{{2}})\s*(?:of|out of|in)\s*(?:100|a hundred)\b",
    rf"(?:mindestens|wenigstens)\s+{_SHARE}[^.;\n%]{{0,40}}(?:erkenn|erkannt|gefunden|finden|entdeck|erfass)",
    rf"\b(?:at least|no less than|not less than|no fewer than|a minimum of)\s+{_SHARE}{_OTHERS_HAVE}[^.;,\n%]{{0,40}}\b{_FIND}\b",
    rf"{_SHARE}{_OTHERS_HAVE}\s*(?:of|der|aller|unserer|von)\b[^.;,\n%]{{0,30}}\b{_NEED}\b[^.;,\n%]{{0,20}}\b{_FIND}\b",
    rf"\b{_NEED}\b[^.;,\n%]{{0,25}}{_SHARE}\s*(?:of|der|aller|unserer|von)\b[^.;,\n%]{{0,30}}(?:erkenn|finden|entdeck|\b{_FIND})",
)
_MISSED = (
    rf"\b{_OVERLOOK}\b[^.;\n]{{0,20}}{_AT_MOST}\s*{_FEW}",
    rf"\b{_AT_MOST}\s+{_FEW}{_OTHERS_HAVE}(?:(?!\bnot\b|n't|\bnever\b|\bnicht\b|\bkein)[^.;,\n]){{0,40}}\b{_OVERLOOK}",
)


def target_sensitivity(text: str) -> tuple[float, int] | None:
    """(share, position): 'sensitivity at least 95%', 'catch 95 % of', 'miss at most 5 %', 'mindestens 95 % erkennen'."""
    direct = _quality(text, r"\w*sensitiv\w*|recall|detection rate|trefferquote|erkennungsrate")
    if direct:
        return direct
    for shape in _CAUGHT:
        for hit in re.finditer(shape, text):
            if (value := share(hit["share"])) and value >= _LEAST:
                return value, hit.start()
    for shape in _MISSED:
        for hit in re.finditer(shape, text):
            if (value := _part(hit)) is not None and value <= 1 - _LEAST:
                return round(1 - value, 6), hit.start()
    return None


def _part(hit: re.Match[str]) -> float | None:
    """The share in a hit, or its 'one in twenty'."""
    if hit["share"]:
        return share(hit["share"])
    whole = number(hit["all"])
    return number(hit["cases"]) / whole if whole else None


def target_specificity(text: str) -> tuple[float, int] | None:
    """(share, position): 'specificity of 90 %', 'false alarm rate below 10 %'."""
    direct = _quality(text, r"specificit\w*|spezifitaet\w*")
    if direct:
        return direct
    alarms = re.search(
        rf"(?:false[ -](?:alarm|positive)s?(?: rate)?|fehlalarm\w*|falsch[ -]?positiv\w*){_STATED}", text
    )
    if alarms and (value := share(alarms["share"] or alarms["bare"])) and value <= 1 - _LEAST:
        return round(1 - value, 6), alarms.start()
    return None


_ORDINALS = frozenset(("second", "zweite", "zweites", "zweiten", "other", "both", "third", "dritte", "drittes"))
_SEVERAL = "|".join(
    sorted(
        (word for word, value in _NUMBER_WORDS.items() if value > 1 and word not in _ORDINALS), key=len, reverse=True
    )
)
_DOZENS = r"(?:dozen|hundred|thousand|dutzend|hundert|tausend)"
# "ten", "a hundred", "two dozen", "10", not "95 %" and not "the other"
_MANY = rf"(?P<more>(?:(?:\b(?:{_SEVERAL})|{_DIGITS})[\s-]+)?\b{_DOZENS}\b|{_DIGITS}|\b(?:{_SEVERAL})\b)(?![\d.,]*\d|-\w|{_PERCENT})"
_ONE = r"\b(?P<less>one|a|an|1|single|ein\w*)\b"
_HARM_SHAPES = (
    rf"\b(?:lieber|besser|eher)\b(?:\s+(?!als\b)[^\s.;,]+){{0,5}}?\s+{_MANY}[^.;\n]{{0,80}}?\bals\b[^.;\n]{{0,20}}?{_ONE}",
    rf"\b(?:rather|prefer\w*|better)\b[^.;\n]{{0,40}}?{_MANY}[^.;\n]{{0,80}}?\b(?:than|to)\b[^.;\n]{{0,25}}?{_ONE}",
    rf"{_MANY}[^.;,\n]{{0,60}}?\b(?:lieber|besser|better|preferable)\b,?\s+(?:als|than|to)\b[^.;\n]{{0,20}}?{_ONE}",
    rf"\b(?:accept|tolerate|put up with)\b[^.;\n]{{0,20}}?{_MANY}[^.;\n]{{0,60}}?\b(?:to (?:avoid|catch|find|save|spare|not)\b[^.;\n]{{0,20}}?"
    rf"\b(?P<less>one|a single|a missed|1)|(?:for|rather than) (?:every|each|one|a|1) (?:missed|overlooked))\b",
    rf"\b(?:nehme\w*|nimmt|akzeptier\w*|tolerier\w*)\b[^.;\n]{{0,20}}?{_MANY}[^.;\n]{{0,60}}?\b(?:um|damit|bevor)\b[^.;\n]{{0,20}}?{_ONE}"
    rf"[^.;\n]{{0,30}}?{_OVERLOOK}",
    rf"\b(?P<more>{_DIGITS}|{'|'.join(_NUMBER_WORDS)})[ -]?(?:times|fold|x|mal|fach)\b[^.;\n]{{0,25}}?(?:worse"
    rf"|as bad|more harm\w*|schlimmer|so schlimm|schwerer)",
    rf"\b(?:harm|cost|schadens?|kosten)[ -]?(?:ratio|verhaeltnis)?[^.;\n]{{0,20}}?(?P<more>{_COUNT})\s*(?::|to"
    rf"|zu)\s*(?P<less>1|one|eins)\b",
)


def harm_ratio(text: str) -> tuple[float, int] | None:
    """(harm of one missed case in false alarms, position): 'lieber zehn zu viel als einen übersehen' -> 10."""
    for shape in _HARM_SHAPES:
        hit = re.search(shape, text)
        if hit and (ratio := math.prod(number(word) for word in _factors(hit["more"]))) > 1:
            return ratio, hit.start()
    return None


def _factors(many: str) -> list[str]:
    """'two dozen' -> 'two', 'dozen'; 'twenty-five' stays one."""
    dozens = re.search(rf"[\s-]+({_DOZENS})$", many)
    return [many[: dozens.start()], dozens[1]] if dozens else [many]


def false_marks_per_image(text: str) -> tuple[float, int] | None:
    """(rate, position): 'at most one false mark per two images' -> 0.5."""
    hit = re.search(
        rf"(?P<marks>{_COUNT})\s*{_FALSE}{_MARK}[^.;\n]{{0,15}}?\b(?:(?:per|pro|in|on|for|auf|je"
        rf"|bei)\s+)*(?P<images>(?:{_COUNT}\s+){{0,2}}){_IMAGES}\b",
        text,
    )
    if hit is None:
        return None
    images = max((number(word) for word in re.findall(_COUNT, hit["images"])), default=1.0)
    rate = number(hit["marks"]) / images if images else 0.0
    return (rate, hit.start()) if rate > 0 else None


_HOLDS = r"(?:is|are|was|were|have|has|show|shows|suffer|suffers|ist|sind|war|waren|haben|hat|zeigen|zeigt|leiden)"
_LESIONS = (
    r"(?:(?:skin |haut|pigment)?(?:lesions?|laesion(?:en)?|veraenderungen)|images?|pictures?|photos?|x-? ?rays?|radiographs?|films?|cases|moles"
    r"|them|these|bilder[n]?|\w*aufnahmen|faellen?)"
)
_DRAWN = r"\b(?:box\w*|bounding|annotat\w*|outlin\w*|mark\w*|rahmen|kaesten|kaestchen|eingezeichnet)\b"


def prevalence(text: str, names_target: Callable[[str], bool] = lambda _: False) -> float | None:
    """'prevalence of 2 %', 'Prävalenz 2 %', '2 % of our patients have it', '1 in 50 patients', '2 % of the lesions are melanomas'.

    `names_target`: whether words name the finding looked for; a share of images or lesions is a prevalence only with its name.
    """
    stated = re.search(
        rf"(?:prevalence|praevalenz)\w*[^.;\n]{{0,30}}?{_SHARE}"
        rf"|{_SHARE.replace('share', 'before')}\s*(?:prevalence|praevalenz)",
        f"{text} ",
    )
    if stated and (value := share(stated["share"] or stated["before"])) and value < 1:
        return value
    some = re.search(
        rf"(?P<share>{_DIGITS}{_PERCENT})\s+(?:of|der|unserer)\s+(?:our |the |all |unserer |aller )?(?:patients"
        rf"|patienten|women|frauen|people)\b"
        r"(?=[^.;\n]{0,40}\b(?:have|has|suffer|haben|leiden))",
        text,
    )
    if some and (value := share(some["share"])) and value < 1:
        return value
    ratio = re.search(
        rf"\b(?P<cases>{_COUNT})\s+(?:in|of|von|out of)\s+(?P<all>\d+|hundred|hundert|thousand"
        rf"|tausend)\s+(?:patients|patienten)",
        text,
    )
    if ratio and 0 < (value := number(ratio["cases"]) / number(ratio["all"])) < 1:
        return value
    lesions = (
        rf"(?P<share>{_DIGITS}{_PERCENT})\s+(?:(?:of|der|unserer|von|aller)\s+(?:\w+\s+){{0,2}}?{_LESIONS}\s+|davon\s+)?{_HOLDS}\b(?P<tail>[^.;,\n]{{0,60}})",
        rf"\b(?P<cases>{_COUNT})\s+(?:in|of|von|out of)\s+(?P<all>\d+|hundred|hundert|thousand|tausend)\s+{_LESIONS}\s+{_HOLDS}\b"
        rf"(?P<tail>[^.;,\n]{{0,60}})",
    )
    for shape in lesions:
        for hit in re.finditer(shape, text):
            part = (
                share(hit["share"]) if "share" in hit.groupdict() else number(hit["cases"]) / (number(hit["all"]) or 1)
            )
            if part and 0 < part < 1 and names_target(hit["tail"]) and not re.search(_DRAWN, hit["tail"]):
                return part
    return None
