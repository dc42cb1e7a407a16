"""Tables of phrases, in folded text, that decide one field of a ClinicalTask each."""

from __future__ import annotations

import re

# "find chest drains": something that is usually a confounder may itself be the finding looked for.
GOAL = re.compile(
    r"\b(?:detect\w*|find|recogni[sz]e|identify|diagnos\w*|classif\w*|predict\w*|spot|erkenn\w*|finde\w*"
    r"|diagnostizier\w*|klassifizier\w*)\b"
)
WORRY = re.compile(
    r"\b(?:confound\w*|shortcut\w*|cheat\w*|bias\w*|mislead\w*|misled|distract\w*|fool\w*|rel(?:y|ies|ying) on"
    r"|lean\w*|depend\w*|look(?:s|ing)? at"
    r"|attention|focus\w*|confus\w*|worr\w*|concern\w*|afraid|fear\w*|spurious\w*|should not count|not count"
    r"|independent\w*|robust\w*"
    r"|regardless|stoerfaktor\w*|stoergroesse\w*|verzerr\w*|schummel\w*|mogel\w*|achte\w*|abkuerzung\w*|sorge\w*"
    r"|irrefuehr\w*|taeusch\w*|verlass\w*"
    r"|orientier\w*|abhaeng\w*|haeng\w*|beeinfluss\w*|gelten|verwechsel\w*|fuercht\w*|befuercht\w*|angst|egal"
    r"|unabhaengig|schau\w*|guck\w*)\b"
)
NO_WORRY = re.compile(
    r"\b(?:no|not an?|never an?) (?:problem|issue|concern|confounder)|not (?:worried|concerned|afraid)|(?:no"
    r"|n't) need to worry|(?:does not|do not|don't|doesn't) matter"
    r"|kein\w* (?:problem|thema|stoerfaktor\w*)|keine sorge|spiel\w* (?:\w+ ){0,2}keine rolle|(?:ist"
    r"|sind) (?:\w+ ){0,2}egal|(?:there are|we have) no (?![^.;]{0,30}(?:label|annotat))|keine gedanken"
    r"|nicht vor(?:handen)?\b"
)
DISTINGUISH = re.compile(
    r"\b(?:distinguish\w*|differentiat\w*|discriminat\w*|separat(?:e|es|ing|ion)|tell\w*\b[^.;]{0,60}\b(?:from|apart)"
    r"|unterscheid\w*|abgrenz\w*|abzugrenzen|trenn\w*|differenzier\w*|auseinander ?(?:zu)?halt\w*)\b"
)
# Between two findings.
AGAINST = re.compile(r"\b(?:vs|versus|against|from|von|vom|gegen|gegenueber)\b\.?\s+(?:\w+\s+){0,2}$")
OR = re.compile(r"^[\s,]*(?:or|oder)\s+(?:\w+\s+){0,2}$")
WHICH_IT_IS = re.compile(r"\btell\w* (?:\w+ )?(?:whether|if) (?:it|this|that) is\b")
# After a finding: "melanoma against everything else".
THE_REST = re.compile(
    r"\s*\(?(?:vs|versus|against|from|gegen|gegenueber|von|vom)\b\.?\s+(?:(?:all|the|any|every|alle[nmrs]?|de[nm]|saemtlich\w*|jede\w*)\s+)*"
    r"(?:everything|anything else|rest|others?|remaining|allem|alles|andere[nmrs]?|uebrige[nmrs]?)\b"
)
FOR_EXAMPLE = re.compile(r"\b(?:such as|for example|like|including|wie|beispielsweise|darunter|einschliesslich)\b")
ABOVE_ALL = (
    r"\b(?:especially|particularly|in particular|above all|most of all|vor allem|besonders|insbesondere|speziell)\b"
)
ABOVE_ALL_TOLD = re.compile(rf"{ABOVE_ALL}\W+(?:\w+\W+){{0,4}}?{DISTINGUISH.pattern}")
SEVERAL_CLASSES = re.compile(
    r"\b(?:which (?:\w+ ){0,2}(?:type|kind|class|diagnosis)|classif\w* (?:\w+ ){0,4}into|types of|kinds of|all (?:seven|7)"
    r"|(?:seven|7) (?:\w+ )?(?:classes|diagnoses|types)|multi-?class"
    r"|welche\w* (?:art|diagnose|klasse)|(?:sieben|7) (?:\w+ )?(?:klassen|diagnosen)|einteil\w* in)\b"
)
DETECTION = re.compile(
    r"\b(?:mark|marks|marking|marked|box|boxes|bounding|locali[sz]e\w*|locate\w*|outline\w*|point(?:s"
    r"|ing)? (?:out|to)|highlight\w*|draw\w*|segment\w*|where (?:it|they|the (?:fracture|finding|lesion)s?) (?:is|are|lies?)"
    r"|markier\w*|einzeichn\w*|kasten|kaestchen|rahmen|umrand\w*|lokalisier\w*|anzeig\w*,? wo|zeig\w*,? wo|boxen)\b"
    r"|\b(?:fracture|fraktur)[ -]?(?:detector|detektor)\w*"
)
TRIAGE = re.compile(r"\b(?:triag\w*|refer(?:s|red|ring|rals?)?|reassur\w*|ueberweis\w*|entwarnung\w*)\b")
EXTERNAL = re.compile(
    r"\bextern\w*|\bindependent(?:ly)?\b|\bunabhaengig\w*|\bgeneral(?:is|iz)\w*"
    r"|\btest[ -]?(?:set|data|cohort|images)\w*|\btest(?:daten\w*|satz|kohorte|kollektiv|menge|bilde?r?n?)\b"
    r"|\b(?:test|validat|evaluat|validier|evaluier|pruef)\w* (?:\w+ ){0,3}(?:on|with|against|an|auf|mit)\b"
)
UNTREATED = re.compile(
    r"\b(?:not yet (?:been )?(?:treated|drained)|untreated|undrained|yet untreated|(?:noch )?nicht (?:be"
    r"|ver)(?:handelt|sorgt)\w*|unbehandelt\w*|unversorgt\w*"
    r"|before (?:it is |being )?(?:treated|drained)|without (?:a )?drain (?:yet|in place)"
    r"|(?:noch )?nicht drainiert\w*)\b"
)
ABNORMAL_LABELS = re.compile(
    r"\babnormal\s*(?:/|or|and|vs\.?|versus)\s*normal|normal\s*(?:/|or|and|vs\.?|versus)\s*abnormal"
    r"|label\w* (?:as )?\W?abnormal"
    r"|(?:auffaellig|pathologisch)\w*\s*(?:/|oder|und)\s*(?:normal|unauffaellig)\w*|(?:normal"
    r"|unauffaellig)\w*\s*(?:/|oder|und)\s*(?:auffaellig|pathologisch)\w*"
)

# Not across a worry: "use these films, but it must not depend on age" asks for no patient data.
_NO_WORRY_BETWEEN = rf"(?:(?!{WORRY.pattern}|\bnicht\b|\bnot\b|\bkein)[^.;])"
_PATIENT_DATA = (
    r"\b(?:age|sex|gender|(?:body|anatomical|lesion) (?:site|location)|locali[sz]ation|metadata|alter|patientenalter|geschlecht"
    r"|lokalisation|koerperstelle|koerperregion|metadaten)\b(?! ?(?:limit|group|of \d|over \d|above \d|\d))"
)
_UNNEGATED = "".join(f"(?<!{word} )" for word in ("not", "n't", "never", "without", "nicht", "ohne", "ohne das", "nie"))
_OF_ALL = r"(?!\b(?:patients?|people|children|images?|any|every|patient(?:en|innen)|kinder|bilder|aufnahmen)\b)"
USE_METADATA = re.compile(
    rf"{_UNNEGATED}\buse\b{_NO_WORRY_BETWEEN}{{0,40}}\b(?:age|sex|gender|site|metadata|location)\b"
    rf"|{_UNNEGATED}\b(?:us(?:ing|es)|includ\w*|incorporat\w*|consider\w*|add(?:ing)?|plus|together with|along with|combined? with"
    rf"|tak(?:e|es|ing) into account|mithilfe|zusammen mit|fueg\w*|ergaenz\w*)\b(?:(?!\bnicht\b|\bnot\b){_OF_ALL}{_NO_WORRY_BETWEEN}){{0,25}}"
    rf"{_PATIENT_DATA}"
    rf"|{_PATIENT_DATA}{_NO_WORRY_BETWEEN}{{0,40}}\b(?:(?:may|can|could|should|might|must|shall) (?:(?!not|never)\w+ ){{0,2}}be (?:used"
    r"|included|considered|taken into account|incorporated|added)|into account)\b"
    rf"|{_UNNEGATED}\b(?:nutz|verwend|benutz|nimm|einbezieh|bezieh|beruecksichtig|zieh)\w*{_NO_WORRY_BETWEEN}{{0,40}}{_PATIENT_DATA}"
    r"(?![^.;,]{0,15}\bnicht\b)"
    rf"|{_PATIENT_DATA}{_NO_WORRY_BETWEEN}{{0,40}}\b(?:nutz|genutzt|verwend|benutz|einbezieh|einzubezieh|einbezogen|einfliess|heranzieh"
    r"|herangezogen|hinzugenommen|beruecksichtig)\w*"
)
BODY_SITE = re.compile(r"(?:body |anatomical )?sites?")

# "Not a single case" asks for more than the default operating point.
_NOT_IMAGES = r"(?!(?:images?|pictures?|photos?|films?|x-?rays?|radiographs?|scans?|bild\w*|aufnahme\w*)\b)"
_NOT_WITHIN = "".join(
    f"(?<!{word} )"
    for word in ("in", "on", "at", "for", "from", "with", "of", "in", "auf", "an", "bei", "fuer", "aus", "mit", "von")
)
_MUST = r"(?:must|should|shall|needs? to|ha(?:s|ve) to|(?:is|are) to)"
_RECOGNISED = r"(?:erkannt|gefunden|entdeckt|erfasst|aufgespuert|erkennen|finden|entdecken|erfassen)"
NOT_ONE_MISSED = (
    r"(?:\b(?:not|never|without|nothing|avoid|cannot)|n't)\b[^.;]{0,40}\b(?:miss|overlook)\w*\b[^.;]{0,25}\b(?:single|any|one)\b",
    r"\bnot (?:a single|one|even one|any) (?:\w+ ){1,5}(?:missed|overlooked|undetected|unrecogni[sz]ed)\b"
    r"|\bnone (?:\w+ ){1,5}(?:missed|overlooked)\b",
    r"(?:\b(?:not?|never|nothing|none|without)\b|n't\b)[^.;]{0,25}\b(?:slip|escap|get past)\w*\b",
    r"\b(?:miss|overlook)(?:es|s|ing)? (?:nothing|none|no )|\bevery single\b|\bnichts (?:uebers|verpass)\w*",
    r"\b(?:kein\w*|nicht|nie)\b[^.;]{0,40}\beinzig\w*\b[^.;]{0,30}\b(?:uebers\w*|verpass\w*|entgeh\w*)",
    rf"(?<!not ){_NOT_WITHIN}\b(?:every|each|all)\b (?:(?!not ){_NOT_IMAGES}\w+ ){{1,5}}{_MUST}"
    r" (?:\w+ )?be (?:found|detected|caught|recogni[sz]ed|identified|picked up|spotted|diagnosed|seen)\b",
    r"\b(?:must|needs? to|ha(?:s|ve) to) (?:\w+ )?(?:find|detect|catch|recogni[sz]e|identify|pick up|spot|see) (?:every|each|all) "
    rf"{_NOT_IMAGES}",
    rf"(?<!nicht ){_NOT_WITHIN}\b(?:jede[rsn]?|alle|saemtliche)\b (?:(?!nicht ){_NOT_IMAGES}\w+ ){{1,5}}(?:muss|muessen|sollen?|sollten?)"
    rf" (?:(?!nicht ){_NOT_IMAGES}\w+ ){{0,3}}{_RECOGNISED}\b",
    rf"\b(?:muss|muessen|sollen?|sollten?) (?:(?!nicht |in |auf |bei |fuer |aus |mit |von )\w+ ){{0,3}}(?:jede[rsn]?|alle|saemtliche)"
    rf" (?:(?!nicht ){_NOT_IMAGES}\w+ ){{1,4}}{_RECOGNISED}\b",
    r"\bno (?!more |fewer |less )(?:\w+ ){1,3}(?:may|must|can|should) (?:ever )?be (?:missed|overlooked)\b",
    r"\b(?:may|must|can|should) never be (?:missed|overlooked)\b",
    r"\bkein\w* (?:\w+ ){0,3}(?:darf|duerfen|soll\w*) (?:\w+ ){0,2}(?:uebersehen|verpasst)\b",
    r"\b(?:darf|duerfen|soll\w*) (?:\w+ ){0,2}kein\w* (?:\w+ ){0,2}(?:uebersehen|verpasst|durchrutschen|entgehen)\b",
    r"\b(?:uebersieh|uebersehen?|verpass\w*) (?:sie |bitte |mir |uns |dabei |ja ){0,3}(?:kein\w*|nichts)\b",
)
NOT_ONE_MISSED_SENSITIVITY = 0.95
SENSITIVITY_FIRST = (
    r"(?:\b(?:not|never|avoid|cannot|without|no|fewest|few)|n't)\b[^.;,]{0,30}\b(?:miss|missed|missing|misses|overlook\w*)\b",
    r"\bmiss(?:ed|ing)?\b[^.;]{0,40}\b(?:worse|worst|danger\w*|fatal|unacceptable|fear|terribl\w*|catastroph\w*|disast\w*)",
    r"\b(?:fear|afraid|worr\w*)[^.;]{0,30}\bmiss(?:ed|ing)\b",
    r"\b(?:uebersehen\w*|verpasst\w*)\b[^.;,]{0,30}\b(?:schlimmer|gefaehrlicher|fataler)\b",
    r"\b(?:kein\w*|nicht|nie|niemals)\b[^.;]{0,50}\b(?:uebers\w*|verpass\w*|entgeh\w*)",
    r"\b(?:sensitivit\w*|recall)\b[^.;,]{0,25}\b(?:first|most|priorit\w*|more important|over specificity|zuerst|wichtiger"
    r"|vorrang)",
    r"\b(?:high|highest|maxim\w*|hohe|hoechste|moeglichst hohe)\s+(?:\w+ )?sensitiv\w*|\bas sensitive as",
)
PRIORITY = r"\bpriorit\w*\b|\bpriorisier\w*\b|\bvorrang\b|\bmost important (?:class|is)\b|\bam wichtigsten\b"
SPECIFICITY = r"\b(?:specificity|spezifitaet)\b"
SPECIFICITY_FIRST = (
    r"\b(?:as )?few(?:er|est)?\b[^.;]{0,15}\b(?:unnecessary|needless|false|superfluous)\b"
    r"|\b(?:avoid|reduc|minimi[sz])\w*\b[^.;]{0,20}\b(?:unnecessary|needless|superfluous|false (?:alarm|positive)|overdiagnos)",
    r"\b(?:so|moeglichst) wenig\w*\b[^.;]{0,20}\b(?:unnoetig\w*|falsch\w*|fehlalarm\w*|ueberfluessig\w*)"
    r"|\bwenige?r?\b[^.;]{0,12}\b(?:unnoetig\w*|ueberfluessig\w*|fehlalarm\w*)"
    r"|\b(?:unnoetig\w*|ueberfluessig\w*|fehlalarm\w*)\b[^.;]{0,20}\b(?:zu )?(?:vermeid|vermied|verringer|reduzier|minimier)\w*"
    r"|\b(?:vermeid|verringer|reduzier|minimier)\w*\b[^.;]{0,20}\b(?:unnoetig\w*|ueberfluessig\w*|fehlalarm\w*)",
    r"\b(?:high|highest|maxim\w*|hohe|hoechste|moeglichst hohe)\s+(?:\w+ )?(?:specific|spezif)\w*"
    r"|\b(?:specificity|spezifitaet)\b[^.;,]{0,25}\b(?:first|more important|wichtiger|zuerst)",
    r"\b(?:fear|afraid|worr(?:y|ied)|concerned?|hate|befuerchte\w*|fuercht\w*|angst)\b[^.;,]{0,25}"
    r"\b(?:false (?:alarms?|positives?)|fehlalarm\w*)",
    r"\balarm fatigue|\b(?:not too many|keine|ohne|no) (?:false alarms|fehlalarme)|\bnicht staendig alarm"
    r"|\bfalse alarms?\b[^.;]{0,20}\b(?:annoy|are worse|cost)",
    r"\bfehlalarm\w*\b[^.;,]{0,20}\b(?:schlimmer|teurer|belastender)\b",
)

METRICS: tuple[tuple[str, str, str], ...] = (
    (r"\b(?:auprc|average precision|area under the precision)\b", "auprc", "maximize"),
    (r"\b(?:auroc|roc[ -]auc|area under the roc)\b", "auroc", "maximize"),
    (r"\bbalanced accuracy\b|\bbalancierte\w* genauigkeit\b", "balanced_accuracy", "maximize"),
    (r"\bbrier\b", "brier", "minimize"),
    (r"\bf1\b", "f1", "maximize"),
    (r"\bworst[ -]group\b|\bschlechteste\w* (?:gruppe|untergruppe)\b", "worst_group_auroc", "maximize"),
    (r"\bmap ?@? ?50\b|\bap ?@? ?50\b", "ap50", "maximize"),
)

CONSTRAINTS: tuple[tuple[str, str], ...] = (
    (
        r"\bas (?:one|a single|the same) patient\b|\bcount\w*[^.;]{0,20}one patient\b"
        r"|\bone patient (?:only )?in one\b|\bgroup\w* by patient|\bpatient[ -](?:level|wise)|\bby patient\b"
        r"|\bals (?:ein(?:en|e)?|der ?selbe|denselben) patient\w*|\bpatientenweise|\bnach patient\w* (?:gruppier"
        r"|getrennt|auf)|\b(?:same|several|multiple) (?:patient|visits|follow-?ups)"
        r"|\bauf patientenebene|\bcomes back (?:\w+ )?times",
        "group_by_patient",
    ),
    (
        r"\bcpu\b|\blaptop\w*|\b(?:no|without an?|ohne) (?:gpu|graphics card|grafikkarte)|\bkeine (?:gpu"
        r"|grafikkarte)|\brun on (?:the|an?|our|my) (?:\w+ ){0,2}(?:pc|computer|workstation)"
        r"|\b(?:auf|am) (?:dem|unserem|einem|meinem)? ?(?:\w+ )?(?:pc|rechner|\w+rechner|\w+-pc)\b",
        "run_on_cpu",
    ),
    (
        r"\b(?:only|just|about|nur|etwa|rund|some|few|wenige|einige)\b[^.;]{0,45}\b(?:boxes|bounding|boxen"
        r"|eingezeichnet|box annotation\w*|rahmen)\b(?! at all)"
        r"|\bbox\w* (?:for|on|fuer|auf) (?:only |nur )?\d+ (?:of|von)\b|\bfew boxes\b|\bwenige boxen\b"
        # "5 % of the X-rays have boxes", but not "80 % of them"
        r"|(?<![\d.,])[1-4]?\d(?:[.,]\d+)? ?(?:%|percent\b|per cent\b|prozent\b) (?:of|der|aller|unserer|von)\b[^.;,]{0,40}"
        r"\b(?:have|has|carry|haben|hat|tragen)\b[^.;,]{0,20}\b(?:box\w*|bounding|annotat\w*|rahmen|kaesten|kaestchen)\b",
        "few_boxes",
    ),
    (
        r"\b(?:just|only|nur)\b[^.;]{0,40}\b(?:yes(?: |/)?(?:or|/)? ?no|ja(?: |/)?(?:oder|/)? ?nein"
        r"|image[ -]level|normal|abnormal|auffaellig)\b|\bno (?:bounding )?boxes\b|\bkeine boxen\b"
        r"|\bnobody (?:has )?(?:drew|drawn|marked)",
        "image_level_labels_only",
    ),
    (
        USE_METADATA.pattern,
        "use_metadata",
    ),
    (
        r"\b(?:compar\w*|try|test)\b[^.;]{0,30}\b(?:methods|mitigations|approaches|techniques|remedies)\b"
        r"|\b(?:vergleich\w*|probier\w*|teste\w*)\b[^.;]{0,40}\b(?:verfahren|methoden|ansaetze)\b"
        r"|\b(?:verfahren|methoden|ansaetze)\b[^.;]{0,20}\bvergleich\w*",
        "compare_methods",
    ),
    (
        r"\b(?:nothing|no data|not|never|n't|no image|no patient data)\b[^.;]{0,40}\b(?:leave|cloud|upload\w*"
        r"|internet|outside)\b|\bno cloud\b|\blocal(?:ly)? only\b|\bkeine cloud\b|\b(?:stay"
        r"|remain)s?\b[^.;]{0,20}"
        r"\b(?:here|local|on (?:this|our|my)|in[ -]house|inside)|\b(?:nicht|nichts"
        r"|keine)\b[^.;]{0,40}\b(?:verlassen|verlaesst|cloud|hochlad\w*|internet)\b|\b(?:don't|do not"
        r"|never) send\b"
        r"|\blokal bleiben|\bbleiben?\b[^.;]{0,20}\b(?:lokal|im haus|hier)\b",
        "local_only",
    ),
    (
        r"\bheat ?maps?\b|\bgrad-?cam\b|\bsaliency|\bwhere (?:it|the model|the ai) (?:is )?look"
        r"|\bwo(?:hin)? (?:es|das modell|die ki) (?:hin)?(?:schaut|guckt|sieht)|\bheatmap",
        "show_saliency",
    ),
    (
        r"\b(?:dark(?:er|ly)?|black|brown)[ -]?(?:pigmented )?skin\b(?! ?(?:lesion|mark|tumo|spot|ink|growth))"
        r"|\bskin (?:photo)?(?:tone|colou?r|type)"
        r"|\bskin of colou?r\b|\b(?:darkly|heavily|highly|deeply) pigmented (?:skin\b(?! ?lesion)|patients?|people)|\bskin complexion"
        r"|\b(?:dunkle\w*|schwarze\w*|braune\w*|(?:dunkel|stark) ?pigmentierte\w*) haut\b|\bhauttyp\w*|\bhautton\w*|\bhauttoene\w*"
        r"|\bdunkelhaeutig\w*|\bschwarze\w* (?:patient\w*|menschen|personen|frauen|maenner)\b"
        r"|\bblack (?:patients?|people|men|women)\b|\bpeople of colou?r\b|\bhautfarbe|\bfitzpatrick",
        "skin_tone_question",
    ),
    (
        r"\b(?:official|given|existing|provided) (?:\w+ )?splits?\b|\boffizielle\w* (?:aufteilung|split)"
        r"|\bvorgegebene\w* (?:aufteilung|split)",
        "use_official_split",
    ),
    (
        r"\b(?:leave out|exclude|ignore|skip|drop)\b[^.;]{0,20}\b(?:uncertain|doubtful|equivocal)|\b(?:unsicher"
        r"|unklar|fraglich)\w*[^.;]{0,25}\b(?:weglass|ausschliess|auslass)\w*",
        "exclude_uncertain",
    ),
)

_GERMAN_WORDS = """
    der die das den dem des ein eine einen einem einer und oder aber ich wir sie es mit ohne auf aus bei fuer von vom zum zur im am ist
    sind soll sollen nicht kein keine keinen bitte moechte will haette gern gerne habe haben als wie wo nur auch noch mir uns unser unsere
    unseren bilder bildern aufnahmen erkennen unterscheiden befund mein meine lieber mindestens hoechstens zwischen werden wird kann
    koennen dass damit modell jeder jede alle mach baue bau trainiere finde diese dieser erkenne
    markiere klassifiziere
"""
_ENGLISH_WORDS = """
    the a an and or but i we it they with without on from at for of to in is are should shall not no please want would like have has as
    where only also me us our my your images pictures detect find diagnose distinguish model that this these those than least most between
    be will can could may need build make train help every each all rather one do does don't which there its any
"""
_GERMAN, _ENGLISH = frozenset(_GERMAN_WORDS.split()), frozenset(_ENGLISH_WORDS.split())


def is_german(text: str) -> bool:
    """Whether folded text is German; a tie counts as English."""
    words = re.findall(r"[a-z']+", text)
    return sum(word in _GERMAN for word in words) > sum(word in _ENGLISH for word in words)
