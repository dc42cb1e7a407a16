"""Numbers in a clinician's sentence: sensitivity targets, harm ratios, false marks per image, prevalence.

All functions take folded text (agent.vocabulary.fold) and return None where nothing is said.
"""

from __future__ import annotations

import re

_WORDS = {
    1: "one a an single ein eine einen einem einer eines eins every each jede jedes jedem jeden per",
    2: "two zwei both second zweite zweites zweiten other",
    3: "three drei third dritte drittes", 4: "four vier", 5: "five fuenf", 6: "six sechs", 7: "seven sieben", 8: "eight acht",
    9: "nine neun", 10: "ten zehn", 12: "twelve zwoelf dozen", 15: "fifteen fuenfzehn", 20: "twenty zwanzig", 30: "thirty dreissig",
    50: "fifty fuenfzig", 90: "ninety neunzig", 95: "ninety-five fuenfundneunzig", 98: "ninety-eight achtundneunzig",
    99: "ninety-nine neunundneunzig", 100: "hundred hundert", 1000: "thousand tausend",
}  # fmt: skip
_NUMBER_WORDS = {word: float(value) for value, words in _WORDS.items() for word in words.split()} | {
    "half a": 0.5, "half": 0.5, "eine halbe": 0.5, "ein halbes": 0.5, "ein halber": 0.5, "halbe": 0.5,
}  # fmt: skip
_DIGITS = r"\d+(?:[.,]\d+)?"
_COUNT = rf"(?:{_DIGITS}|\b(?:{'|'.join(sorted(_NUMBER_WORDS, key=len, reverse=True))})\b)"
_PERCENT = r"\s*-?\s*(?:%|percent|per cent|prozent)\w*"
_SHARE = rf"(?<![\d.,])(?P<share>{_COUNT}(?:{_PERCENT})|0[.,]\d+|1[.,]0+|\d{{2,3}}(?=\s))"
_GAP = r"(?:mind\.|min\.|ca\.|(?!specific|spezif|sensitiv|recall|trefferquote)[^.;\n]){0,45}?"
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
    """Share that stands next to `noun`, and where."""
    before = rf"{_SHARE}\s*(?:(?:of|an|in|target|minimum|min)\s+)*(?:{noun})"
    after = rf"(?:{noun}){_GAP}{_SHARE}"
    for shape in (before, after):
        if (hit := re.search(shape, f"{text} ")) and (value := share(hit["share"])):
            return value, hit.start()
    return None


def target_sensitivity(text: str) -> tuple[float, int] | None:
    """(share, position): 'sensitivity at least 95%', 'catch 95 % of', 'miss at most 5 %', 'mindestens 95 % erkennen'."""
    direct = _quality(text, r"\w*sensitiv\w*|recall|detection rate|trefferquote|erkennungsrate")
    if direct:
        return direct
    caught = re.search(
        rf"\b(?:catch|find|detect|recogni[sz]e|pick up|identify)\b[^.;\n]{{0,20}}?{_SHARE}\s*(?:of|out of)"
        rf"|(?:mindestens|wenigstens)\s+{_SHARE.replace('share', 'least')}[^.;\n%]{{0,40}}(?:erkenn|erkannt"
        rf"|gefunden|finden|entdeck)",
        text,
    )
    if caught and (value := share(caught["share"] or caught["least"])):
        return value, caught.start()
    missed = re.search(
        rf"\bmiss\w*\b[^.;\n]{{0,20}}(?:at most|no more than|less than|under|max\w*)\s*{_SHARE}"
        rf"|(?:hoechstens|maximal|weniger als)\s+{_SHARE.replace('share', 'most')}[^.;\n]{{0,40}}(?:uebers|verpass)",
        text,
    )
    if missed and (value := share(missed["share"] or missed["most"])) and value < 1:
        return round(1 - value, 6), missed.start()
    return None


def target_specificity(text: str) -> tuple[float, int] | None:
    """(share, position): 'specificity of 90 %', 'false alarm rate below 10 %'."""
    direct = _quality(text, r"specificit\w*|spezifitaet\w*")
    if direct:
        return direct
    alarms = re.search(
        rf"(?:false[ -](?:alarm|positive)s?(?: rate)?|fehlalarm\w*|falsch[ -]?positiv\w*){_GAP}{_SHARE}", f"{text} "
    )
    if alarms and (value := share(alarms["share"])) and value < 1:
        return round(1 - value, 6), alarms.start()
    return None


_HARM_SHAPES = (
    rf"\b(?:lieber|besser)\s+(?:habe? ich "
    rf"|wir )?(?P<more>{_COUNT})\b[^.;\n]{{0,80}}?\bals\b[^.;\n]{{0,20}}?\b(?P<less>ein\w*|1)\b",
    rf"\b(?:rather|prefer\w*|better)\b[^.;\n]{{0,40}}?(?P<more>{_COUNT})\b[^.;\n]{{0,80}}?\b(?:than"
    rf"|to)\b[^.;\n]{{0,25}}?\b(?P<less>one|a|an|1|single)\b",
    rf"\b(?P<more>{_DIGITS}|{'|'.join(_NUMBER_WORDS)})[ -]?(?:times|fold|x|mal|fach)\b[^.;\n]{{0,25}}?(?:worse"
    rf"|as bad|more harm\w*|schlimmer|so schlimm|schwerer)",
    rf"\b(?:harm|cost|schadens?|kosten)[ -]?(?:ratio|verhaeltnis)?[^.;\n]{{0,20}}?(?P<more>{_COUNT})\s*(?::|to"
    rf"|zu)\s*(?P<less>1|one|eins)\b",
)


def harm_ratio(text: str) -> tuple[float, int] | None:
    """(harm of one missed case in false alarms, position): 'lieber zehn zu viel als einen übersehen' -> 10."""
    for shape in _HARM_SHAPES:
        hit = re.search(shape, text)
        if hit and (ratio := number(hit["more"])) > 1:
            return ratio, hit.start()
    return None


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


def prevalence(text: str) -> float | None:
    """'prevalence of 2 %', 'Prävalenz 2 %', '2 % of our patients have it', '1 in 50 patients'."""
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
    return None
