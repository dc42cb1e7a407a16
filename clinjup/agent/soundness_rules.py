"""What makes a request unsound: patterns in folded text, one rule a kind of harm."""

from __future__ import annotations

from dataclasses import dataclass

NEGATION = r"\b(?:(?:can)?not|never|nothing|nichts|nobody|nicht|nie|niemals|kein\w*|none|no (?:patient|one|image|two)|cannot)\b|n't\b"

_TEST = (
    r"(?:test|hold-?out|held-?out|pruef)[ -]?(?:sets?|data|daten\w*|mengen?|images|bilder\w*|part|split|teil|cases"
    r"|patients|patienten|results?|satz)?\b"
)
_ON_TEST = (
    rf"\b(?:on|with|using|against|by|including|auf|an|am|mit|anhand|im|inklusive|einschliesslich)\s+(?:the |our |all "
    rf"|my |dem |den |der |die |de[sr] |unser\w+ |meine\w+ )*(?:\w+ (?:and|und) )?{_TEST}"
)
# "Choose on validation and check on the test set", with the German verb last.
_ONLY_CHECKED = r"(?!\s+(?:\w+\s+){0,2}?(?:ueberpruef|pruef|bewert|auswert|bericht|miss|mess|testen|getest|anwend|evaluier|angeb|nenn|zeig))"
# Not a diagnostic test: "until the sensitivity of the test is 95 %".
_TEST_PART = (
    r"\b(?:test|hold-?out|held-?out)[ -]?(?:sets?|data|daten\w*|mengen?|images|bilder\w*|part|split|teil|cases|patients|patienten"
    r"|results?|satz|auc|auroc|accuracy|figures?|scores?)\b"
)
_TEST_FIGURE = (
    r"test[ -]?(?:set[ -]?)?(?:accuracy|auroc|auc|scores?|results?|performance|figures?|sensitiv\w*|specific\w*|genauigkeit"
    r"|ergebnis\w*)\b"
)
_NOT_YET_TEST = (
    r"(?:(?!report|evaluat|measur|validation(?! (?:and|und))|validierung(?! und)|auswert|bericht|\btest(?:ed|e|en"
    r"|ing)?(?: \w+)? (?:on|auf)\b|apply|anwend|check|pruefe|freeze|frozen"
    r"|\band (?:show|list|give|tell|state)\b|\bund (?:gib|zeig\w*|nenn\w*|miss|sag)\b)[^.;\n]){0,70}?"
)
_CHOOSE = (
    r"\b(?:(?:fine-?)?tun(?:e|ing|en)|(?:fine)?tuning|optimi[sz](?:e|ing)|optimier\w*|choos(?:e|ing)|pick(?:ing)?"
    r"|select(?:ing)?|selection|adjust(?:ing)?|set the threshold(?! (?:to|at) \d)"
    r"|train(?:ing)?|fit(?:ting)?|calibrat(?:e|ing)|(?:adjustment|calibration)|keep|take|waehl\w*|auswaehl\w*|auswahl|aussuch\w*|such|suche"
    r"|einstell\w*|stell\w*|\w*anpass\w*|passe?|abstimm\w*|justier\w*"
    r"|trainier\w*|nimm|behalte\w*)\b"
)
_VERB_LAST = (
    r"optimier\w*|optimi[sz]ing|tunen|tuning|(?:fein)?abstimmen|einstellen|einzustellen|anpassen|anzupassen|justieren"
    r"|(?:aus)?waehlen|auszuwaehlen|aussuchen|trainieren"
)
# What is set before the test set is opened, the verbs that move it, and the two beside each other in either order.
_KNOB = (
    r"\b(?:thresholds?|cut-? ?offs?|cut-? ?points?|operating points?|models?|networks?|(?:hyper-?)?parameters?|settings?|weights"
    r"|schwell\w*|\w*grenz\w*|trennwert\w*|arbeitspunkt\w*|\w*modelle?s?|netz\w*|(?:hyper-?)?parametern?|einstellung\w*"
    r"|gewichte?n?)\b"
)
_MOVE = (
    r"\b(?:adapt(?:ing)?|adjust(?:ing)?|alter(?:ing)?|chang(?:e|ing)|modify(?:ing)?|vary(?:ing)?|mov(?:e|ing)|shift(?:ing)?"
    r"|lower(?:ing)?|rais(?:e|ing)|tweak(?:ing)?|increas(?:e|ing)|decreas(?:e|ing)|reduc(?:e|ing)|improv(?:e|ing)|refin(?:e|ing)"
    r"|retrain(?:ing)?|fine-?tun(?:e|ing)|tun(?:e|ing)|optimi[sz](?:e|ing)|choos(?:e|ing)|pick(?:ing)?|select(?:ing)?|turn(?:ing)?"
    r"|correct(?:ing)?"
    r"|adaptier\w*|anpass\w*|anzupassen|passe?n?|(?:ver|ab|um)?aender[en]?\w*|abzuaendern|modifizier\w*|variier\w*"
    r"|verschieb\w*|senk(?:e|en|t)?|absenk\w*|abzusenken|heb|hebe|anheb\w*|anzuheben|erhoeh\w*|reduzier\w*|verstell\w*"
    r"|nachstell\w*|nachzustellen|stell\w*|dreh\w*|justier\w*|nachjustier\w*|korrigier\w*|verbesser\w*|nachtrainier\w*"
    r"|optimier\w*|waehl\w*|setz(?:e|en|t)?)\b"
)
_MOVE_KNOB = rf"(?:{_MOVE}\s+(?:(?!and|und)\w+\s+){{0,3}}?{_KNOB}|{_KNOB}(?:(?!valid)[^.;,]){{0,30}}?{_MOVE})"
_NEXT_STEP = (
    r"(?:validation|validier|\b(?:then|dann|danach|anschliessend|afterwards|finally|zuletzt|before|bevor|erst|last|at the end|am ende)\b"
    r"|\b(?:and|und)\b(?! (?:the |die )?(?:sensitiv|specific|spezif|precision|auc|auroc|ppv))|\b\d{4}\b"
    r"|, (?:tested|measured|reported|checked|getestet|gemessen|geprueft))"
)
_SHOWS = (
    r"(?:\d ?%|\d ?(?:percent|per cent|prozent)|\b[01][.,]\d|\b(?:sensitiv\w*|specific\w*|spezif\w*|auc|auroc|accura\w*|genauig\w*"
    r"|figures?|results?|scores?|performance|ergebnis\w*|zahlen|good|great|better|fine|okay|perfect|satisf\w*|happy|looks?|fits?"
    r"|gut|besser|perfekt|zufrieden\w*|stimm\w*|passt|schoen\w*|ueberzeug\w*)\b)"
)
_MEASURES = r"\bhow\b[^.;]{0,40}\bchang|\bwie\b[^.;]{0,40}\baender"
_WRONG = (
    r"(?:(?:that|which|where|the|die|bei denen|wo)\s+)?(?:it|the (?:model|network|ai|algorithm)|model|he|es|er"
    r"|sie|das (?:modell|netz)|die ki|modell)\s+(?:\w+\s+){0,3}"
    r"(?:wrong|misclassif\w*|mispredict\w*|fails?|misses|falsch\w*|fehlklassifizier\w*|danebenlieg\w*"
    r"|daneben lieg\w*|verwechsel\w*|uebersieht|nicht erkennt)"
    r"|\b(?:false (?:negatives?|positives?|alarms?)|falsch[ -]?(?:negativ|positiv)\w*) (?:from|aus|vom|von) (?:the |den |dem "
    r"|der )?"
    r"(?:test|data|daten|table|tabelle|figures)|\bmisclassified\b|\bmispredicted\b|\bwrongly (?:classified|predicted)\b"
    r"|\bwrong predictions?\b"
    r"|\bfalsch (?:klassifiziert|erkannt|vorhergesagt)\w*|\bfehlklassifiziert\w*"
    r"|\b(?:difficult|hard|schwierig\w*)\b[^.;]{0,30}(?:look|better|improve|besser|schoener)"
)
_NO_LABELS = (
    r"\bwithout (?:any |the |having |using )*(?:\w+ )?(?:labels?|annotations?|ground truth|diagnos[ei]s"
    r"|reference standard)\b|\bunlabell?ed\b"
    r"|\bohne (?:\w+ )?(?:labels?|befunde?|diagnosen?|annotation(?:en)?|beschriftung\w*|kennzeichnung\w*"
    r"|referenzstandard)\b"
    r"|\b(?:invent|guess|make up|fabricat\w*)[^.;]{0,15}\blabels?\b|\blabels?\b[^.;]{0,15}\b(?:erfind\w*"
    r"|ausdenk\w*|rat(?:e|en))\b|\b(?:erfind\w*|denk)\b[^.;]{0,25}\blabels?\b"
    r"|\b(?:have no|no|keine) (?:labels?|befunde|diagnosen)\b(?![^.;]{0,15}\b(?:for|of|on|fuer|zu|von)\b)"
)
_LEARN = r"\b(?:train\w*|learn\w*|build\w*|trainier\w*|lern\w*|bau\w*|fit|erstell\w*|make (?:me )?a)\b"
_SAME_PATIENT = (
    r"\b(?:views?|images?|films?|pictures?|studies|ansichten|ebenen|bilder|aufnahmen)\s+(?:of|from|von)?\s*(?:one"
    r"|a|an|the same|each|every|ein\w*|dessel\w*|de[rs] gleichen|jede\w*)\s+(?:\w+ )?(?:patient\w*|child\w*"
    r"|kind\w*|person)"
    r"|\b(?:the same|one|a single|dessel\w*|de[rs] gleichen?|derselbe|eines|ein) patient\w*"
)
_BOTH_PARTS = (
    r"\btrain(?:ing)?\w*\b[^.;]{0,30}(?:\band\b|\bund\b|/|&|,)[^.;]{0,40}\b(?:test\w*|validation|validier\w*)"
    r"|\btest\w*\b[^.;]{0,20}\b(?:and|und)\b[^.;]{0,30}\btrain\w*"
)
_IGNORE_PATIENTS = (
    r"\b(?:ignor\w*|disregard\w*|regardless of|irrespective of|forget about)\b[^.;]{0,25}\bpatient\w*[ -]?"
    r"(?:ids?|nummern?|numbers?|grouping|identit\w*|boundar\w*|level)\b"
    r"|\b(?:don't|do not) (?:group|split|separate)[^.;]{0,15}\bby patient|\bsplit\w*[^.;]{0,30}\bby (?:image|film"
    r"|picture)s?\b[^.;]{0,25}\bnot by patient|\bpatient\w*[ -]?(?:ids?|nummer\w*|zugehoerigkeit)\b"
    r"[^.;]{0,35}\bignorier\w*|\bnicht nach patient\w* (?:gruppier|trenn|auf|teil)\w*"
    r"|\bnach bildern\b[^.;]{0,25}\b(?:statt|nicht) nach patient\w*"
)
_LIVE = (
    r"\b(?:live|pacs|productive|production|produktiv\w*|real patients|our patients|echte\w* patienten"
    r"|unsere\w* patienten|am patienten|clinical (?:routine|use|practice)|klinische\w* (?:routine|einsatz|betrieb)"
    r"|routinebetrieb|routine|wards?|station|go-live)\b"
)
_NOW = (
    r"\b(?:tomorrow|today|tonight|right away|immediately|straight away|next (?:week|monday)|on monday"
    r"|as of monday|morgen|heute|sofort|ab montag|naechste woche|direkt"
    r"|without (?:any |further |more )*(?:validation|testing|checks?|checking|approval|study|a (?:doctor"
    r"|radiologist|physician)|anyone)|unsupervised|unchecked"
    r"|ohne (?:weitere |jede )?(?:validierung|pruefung|zulassung|tests?|studie|kontrolle|arzt|radiolog\w*))\b"
)
_IDENTITY = (
    r"(?<!file )(?<!column )(?<!class )(?<!feature )(?<!variable )\b(?:patient )?names?\b(?! of the (?:column"
    r"|file|model))|\bbirth ?-?dates?\b|\bdates? of birth\b|\bdobs?\b"
    r"|\b(?:patienten)?namen\b|\bgeburts(?:dat\w*|tag\w*)|\bpatientendaten\b|\bpatient (?:data|details"
    r"|identifiers|records?)\b|\bidentifiers\b|\baddresses\b|\badressen\b"
)
_CLOUD = (
    r"\b(?:cloud\w*|claude|chat-?gpt|gpt\w*|openai|anthropic|gemini|internet|external|extern\w*|online|web ?service"
    r"|llms?|language model\w*|sprachmodell\w*|api)\b"
)
_CERTAIN = (
    r"\b(?:100|hundred|hundert)[ -]?(?:%|per ?cent|prozent\w*)(?![^.;]{0,12}\b(?:local|of the (?:images|data)))"
    r"|\b(?:never|nie|niemals) (?:be |is )?(?:wrong|falsch|irr\w*)"
    r"|\b(?:no|zero|without|keine|null|ohne) (?:mistakes?|errors?|fehler\w*|missed cases?)\b|\bperfect\w*"
    r"|\bperfekt\w*|\bfehlerfrei\w*|\bfehlerlos\w*|\bevery (?:single )?(?:case|one|melanoma|fracture"
    r"|pneumothorax)"
    r"|\bjede\w* (?:einzelne\w* )?(?:fall|melanom|fraktur|pneumothorax)"
)


@dataclass(frozen=True)
class Rule:
    """A sentence is unsound when `action` and all of `also` occur in it, nothing of `unless`, and the action is not negated."""

    code: str
    action: str
    also: tuple[str, ...] = ()
    unless: str = r"(?!)"


RULES: tuple[Rule, ...] = (
    Rule(
        "test_set_tuning",
        rf"{_CHOOSE}{_NOT_YET_TEST}{_ON_TEST}{_ONLY_CHECKED}",
        unless=r"\bheld-?out part of the training",
    ),
    Rule(
        "test_set_tuning",
        rf"\b(?:use|using|nutz\w*|nimm|verwend\w*|benutz\w*)\b[^.;]{{0,20}}{_TEST}[^.;]{{0,15}}\b(?:to|for|um|zum"
        rf"|zur|fuer)\b(?:(?!report|evaluat|measur|auswert)[^.;]){{0,40}}?"
        r"(?:\b(?:choos|pick|select|tun(?:e|ing)|optimi|train|adjust|early stopping)|\w*(?:auswahl|auswaehl"
        r"|auszuwaehl|waehl|optimier|trainier|training|tuning|tunen|einstell|einzustell|anpass|anzupass))",
    ),
    Rule(
        "test_set_tuning",
        rf"\b(?:probier\w*|ausprobier\w*|versuch\w*|experimentier\w*|try(?:ing)?|experiment(?:ing)?|iterat(?:e|ing))\b[^.;]{{0,40}}?{_ON_TEST}"
        r"[^.;]{0,40}\b(?:until|bis|so lange|solange)\b",
    ),
    Rule("test_set_tuning", rf"{_ON_TEST}[^.;,]{{0,30}}?\b(?:{_VERB_LAST})\b"),
    Rule(
        "test_set_tuning",
        rf"{_MOVE_KNOB}(?!\s+(?:to|at|auf) \d){_NOT_YET_TEST}{_ON_TEST}{_ONLY_CHECKED}",
        unless=_MEASURES,
    ),
    Rule("test_set_tuning", rf"{_KNOB}[^.;,]{{0,20}}?{_ON_TEST}[^.;,]{{0,30}}?{_MOVE}", unless=_MEASURES),
    Rule("test_set_tuning", rf"{_MOVE_KNOB}\s+to (?:the |our |my )?{_TEST}"),
    Rule(
        "test_set_tuning",
        rf"(?:{_MOVE_KNOB}|\b(?:train(?:ing)?|trainier\w*|tun(?:e|en|ing)|optimi\w*)\b)(?:(?!validation|validier)[^.;]){{0,60}}?"
        rf"\b(?:until|till|bis|so that|so,? dass|damit)\b(?=[^.;]{{0,90}}{_SHOWS})"
        rf"(?:(?!{_NEXT_STEP})[^.;]){{0,60}}?{_TEST_PART}",
    ),
    Rule(
        "test_set_tuning",
        rf"\b(?:until|till|bis)\b(?=[^.;]{{0,90}}{_SHOWS})(?:(?!{_NEXT_STEP})[^.;]){{0,60}}?{_TEST_PART}"
        rf"(?:(?!{_NEXT_STEP}|{NEGATION})[^.;]){{0,60}}?{_MOVE_KNOB}",
    ),
    Rule(
        "test_set_tuning",
        rf"\b(?:should|shall|must|may|can|needs? to|has to|have to)\s+(?:(?!not|never|only)\w+ )?be "
        rf"(?:adapted|adjusted|altered|changed|tuned|chosen|picked|selected|set|optimi[sz]ed|moved|shifted){_NOT_YET_TEST}{_ON_TEST}",
    ),
    Rule(
        "test_set_tuning",
        rf"\b(?:soll\w*|darf|duerfen|muss|muessen|kann|koennen)\b(?:(?!{NEGATION}|\b(?:erst|nur|valid))[^.;,]){{0,40}}?{_ON_TEST}[^.;,]{{0,30}}?"
        r"\b(?:angepasst|veraendert|geaendert|eingestellt|gewaehlt|ausgewaehlt|optimiert|verschoben|bestimmt|justiert|festgelegt)\b",
    ),
    Rule(
        "test_set_tuning",
        rf"{_CHOOSE}[^.;]{{0,40}}?\b(?:until|by|according to|bis|nach)\s+(?:the |its |our |die |der |dem )?{_TEST_FIGURE}",
    ),
    Rule(
        "test_set_tuning",
        r"\b(?:nimm|nehm\w*|nutz\w*|verwend\w*|benutz\w*|use)\b",
        (r"\b(?:zum|fuers?|for|beim)\s+(?:das |the )?train\w*", rf"\b{_TEST}", r"\b(?:auch|dazu|also|too|as well)\b"),
    ),
    Rule(
        "test_set_tuning",
        rf"\b(?:add|put|mix|include|move|nimm|pack\w*|misch\w*)\b[^.;]{{0,20}}{_TEST}[^.;]{{0,20}}\b(?:to|into?"
        rf"|for|with|zum|ins|in)\b[^.;]{{0,15}}\btrain\w*",
    ),
    Rule(
        "best_result_only",
        r"\b(?:only|just|nur|ausschliesslich|allein)\s+(?:\w+ ){0,2}?(?:best|beste\w*|nicest|schoenste\w*)\s+(?:\w+ )?"
        r"(?:results?|figures?|numbers?|values?|scores?|outcomes?|auroc|auc|ergebnis\w*|resultat\w*|zahl\w*|wert\w*"
        r"|kennzahl\w*)\b",
        (
            r"\b(?:report\w*|show\w*|present\w*|publish\w*|mention\w*|give|state|write|tell|list|keep|bericht\w*|zeig\w*"
            r"|nenn\w*|publizier\w*|veroeffentlich\w*|angeb\w*|gib|schreib\w*|praesentier\w*|behalt\w*)\b",
        ),
    ),
    Rule(
        "best_result_only",
        r"\b(?:hid(?:e|ing)|conceal\w*|omit\w*|suppress\w*|leave out|drop|do not (?:report|show|mention)|don't (?:report|show|mention)"
        r"|verschweig\w*|versteck\w*|unterschlag\w*|verheimlich\w*|lass\w*|weglass\w*)\b[^.;,]{0,30}?\b(?:bad|poor|worse|weak"
        r"|disappointing|unfavou?rable|negative|schlecht\w*|schwach\w*|enttaeuschend\w*|unguenstig\w*)\s+"
        r"(?:results?|figures?|numbers?|scores?|outcomes?|ergebnis\w*|resultat\w*|zahl\w*|wert\w*|kennzahl\w*)\b",
    ),
    Rule(
        "resplit_after_result",
        r"\bonly the best (?:split|seed|run)|\bnur (?:die|den) beste\w* (?:split|seed|lauf|aufteilung)|\bre-?split\w*"
        r"|\bsplit\b[^.;]{0,25}\b(?:again|anew|differently|until)|\b(?:new|another|different|other"
        r"|several|many) (?:random )?(?:splits?|seeds?)\b|\breshuffl\w*"
        r"|\b(?:neu|anders|erneut|nochmals?|noch einmal|so lange|solange)\b[^.;]{0,20}\b(?:auf)?(?:ge)?teil\w*"
        r"|\bteil\w*\b[^.;]{0,30}\b(?:neu|erneut|nochmals?|anders|so lange|solange)\b"
        r"|\b(?:neue\w*|andere\w*|verschiedene\w*) (?:splits?|aufteilung\w*|seeds?)\b",
        (
            r"\b(?:until|bis|so lange|solange)\b|\bbest\b|\bbeste\w*\b|\bbetter\b|\bbesser\w*|good enough"
            r"|disappoint\w*|enttaeusch\w*|\b(?:bad|poor|low|worse|unfavou?rable|schlecht\w*|niedrig\w*)\b"
            r"|\b(?:not|n't|nicht) (?:\w+ )?(?:good|great|nice|gut|reich\w*|stimm\w*|gefall\w*|pass\w*|like)"
            r"|\bdon't like\b",
        ),
        unless=r"\bhow (?:stable|much)\b|\bstabil\w*|\brobust\w*|\bspread\b|\bstreuung\b|\bconfidence\b",
    ),
    Rule(
        "train_without_labels",
        _LEARN,
        (_NO_LABELS,),
        unless=(
            r"\bleave out|\bleft out|\bexclud\w*|\bignor\w*|\bskip\w*|\bdrop\w*|\bdiscard\w*|\bweglass\w*"
            r"|\bweggelass\w*|\bauslass\w*|\bausschliess\w*|\bausgeschloss\w*|\bsome\b|\bthe rest\b|\bpart of\b"
            r"|\bmanche\w*|\beinige\w*|\bden rest\b|\bbox\w*|\bboxen\b|\bfew\b|\bpretrain\w*|\bnachsehen\b"
        ),
    ),
    Rule(
        "drop_wrong_cases",
        r"\b(?:drop\w*|remov\w*|exclud\w*|delet\w*|leav\w*|throw\w*|discard\w*|omit\w*|skip\w*|ignor\w*|filter\w*"
        r"|get rid|take out|kick out|hid\w*|weglass\w*|lass\w*|entfern\w*|loesch\w*|streich\w*|rauswerf\w*|raus"
        r"|wirf"
        r"|herausnehm\w*|rausnehm\w*|aussortier\w*|sortier\w*|ausschliess\w*|schliess\w*)\b",
        (_WRONG,),
        unless=(
            r"\bwrong (?:label|diagnos|format|orient|side|patient)\w*|\bfalsch\w* (?:label|befund|beschrift|seite"
            r"|diagnos|patient)\w*|\bmislabel\w*|\bunreadable\b"
        ),
    ),
    Rule(
        "patient_leakage",
        _SAME_PATIENT,
        (_BOTH_PARTS,),
        unless=(
            r"\btogether\b|\bsame (?:part|split|side)\b|\beither\b|\bapart\b|\bzusammen\b|\bentweder\b|\bgetrennt\b"
            r"|\bnur in\b|\bonly in\b"
        ),
    ),
    Rule("patient_leakage", _IGNORE_PATIENTS),
    Rule(
        "patient_leakage",
        r"\b(?:one|eine?n?|erste?)\b[^.;]{0,20}\b(?:view|image|film|ansicht|ebene|bild"
        r"|aufnahme)\b[^.;]{0,40}\btrain\w*[^.;]{0,20}\b(?:other|second|andere\w*"
        r"|zweite\w*)\b[^.;]{0,30}\btest\w*",
    ),
    Rule(
        "unvalidated_clinical_use",
        r"\b(?:put\w*|push\w*|deploy\w*|roll\w*|go(?:es|ing)?|run|use|using|switch\w*|install\w*|release"
        r"|connect\w*|einsetz\w*|setz\w*|eingesetzt|bring\w*|stell\w*|nehm\w*|schalt\w*|schliess\w*|integrier\w*"
        r"|installier\w*"
        r"|geh\w*|soll|muss|live|nutz\w*|decid\w*|entscheid\w*)\b",
        (_LIVE, _NOW),
        unless=(
            r"\b(?:from|in|aus|out of) (?:the |our |dem |unserem )?(?:pacs|routine"
            r"|clinical routine)\b[^.;]{0,30}\b(?:export\w*|data|images|bilder|daten)|\b(?:export\w*|images|data"
            r"|films|bilder|aufnahmen|daten)\b[^.;]{0,20}"
            r"\b(?:from|aus) (?:the |our |dem |unserem )?(?:pacs|routine|clinical routine)"
        ),
    ),
    Rule(
        "identifiable_data_to_cloud",
        r"\b(?:send\w*|upload\w*|transmit\w*|shar(?:e|ing)|submit\w*|post|forward|pass|give|feed|paste|schick\w*"
        r"|uebertrag\w*|hochlad\w*|lad|lade|uebermittl\w*|gib|geben|stell\w*)\b",
        (_IDENTITY, _CLOUD),
        unless=(
            r"\bremov\w*|\bstrip\w*|\bdelet\w*|\banonymi\w*|\bpseudonymi\w*|\bentfern\w*|\bde-?identif\w*|\bloesch\w*"
            r"|\bschwaerz\w*"
        ),
    ),
    Rule(
        "certainty_promised",
        r"\b(?:guarant\w*|promis\w*|warrant\w*|assure me|garantier\w*|garantie|versprech\w*|versprich\w*"
        r"|zusicher\w*|must (?:be|have|find|never|not make|reach)|has to be|muss|darf nie)\b",
        (_CERTAIN,),
        unless=(
            r"\bif possible\b|\btry\b|\bmoeglichst\b|\bwenn moeglich|\b(?:i|we) know\b|\bwir wissen\b|\blocal\w*|\blokal\w*"
            r"|\breproduc\w*|\breproduzier\w*|\boffline\b"
        ),
    ),
)

CLAUSE_BREAK = (
    r"[,;:]|\s-\s|\b(?:but|aber|sondern|if|unless|because|although|even though|wenn|falls|weil|obwohl|so that|damit"
    r"|then|dann)\b"
)
NEGATION_BEFORE = (
    r"\b(?:without|instead of|rather than|avoid|prevent\w*|forbid\w*|stop|against|statt|anstatt|ohne|no|vermeid\w*"
    r"|verhinder\w*)\s+(?:\w+\s+){0,2}$"
)
