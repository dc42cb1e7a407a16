/**
 * The server speaks English. Here its sentences, with the figures and names that are filled in, are said in German:
 * locale/server.json has them with places (%1, %2, …), locale/de.json their German, locale/terms.json the names of findings and
 * confounders and what the server itself says in both languages.
 */

import german from './locale/de.json';
import server from './locale/server.json';
import terms from './locale/terms.json';

interface ITemplate {
  /** The English between the places. */
  fixed: string[];
  /** The German, with places. */
  said: string;
  /** Whether it is one sentence, which takes no other one into its places. */
  isOne: boolean;
  /** Whether it is so short a phrase that it fits no whole sentence. */
  isShort: boolean;
  /** By place: whether it stands in quotation marks, as the names of files and columns do. */
  quoted: boolean[];
  /** How many letters of the English are fixed. */
  weight: number;
}

const CATALOGUE = german as unknown as Record<string, string[]>;
const GERMAN = new Map<string, string>([
  ...Object.entries(terms),
  ...server.map((key): [string, string] => [key, CATALOGUE[key]?.[0] ?? key])
]);
const PLACE = /%\d+/;
const KEPT = 2000;
const LONGEST_TEXT = 4000; // letters; what is longer is a traceback or a model's words
const LONGEST_ENTRY = 6; // sentences

let templates: ITemplate[] | null = null;
const known = new Map<string, string>();

/** The German of what the server says; what nobody has translated stays as it is. */
export function inGerman(text: string): string {
  if (text.length > LONGEST_TEXT) {
    return text;
  }
  let said = known.get(text);
  if (said === undefined) {
    said =
      whole(text) ??
      text
        .split('\n\n')
        .map(part => whole(part) ?? markdown(part) ?? sentences(part))
        .join('\n\n');
    if (known.size > KEPT) {
      known.clear();
    }
    known.set(text, said);
  }
  return said;
}

/** A text that is one entry of the catalogue, one name, or a list of names. */
function whole(text: string): string | null {
  const words = text.trim();
  if (words === '') {
    return text;
  }
  const said =
    GERMAN.get(words) ??
    named(words) ??
    filled(words) ??
    filled(text) ??
    listed(words);
  return said && text.replace(words, () => said.trim());
}

/** 'a chest drain', '0.94', '99.6 %', '5 positives', '3,000 films', a title or a column in quotes */
function named(words: string): string | null {
  if (/^[-−+]?\d+\.\d+(\u00a0%)?$/.test(words)) {
    return words.replace('.', ',');
  }
  const quoted = /^'([^']+)'$/.exec(words);
  if (quoted) {
    return `„${named(quoted[1]) ? quoted[1] : inGerman(quoted[1])}“`;
  }
  const counted = /^([\d,]+\u00a0)(.+)$/.exec(words);
  if (counted) {
    const noun = named(counted[2]);
    return noun && counted[1].replace(/,/g, '.') + noun;
  }
  return GERMAN.get(words.toLowerCase().replace(/^(an?|the) /, '')) ?? null;
}

const JOINTS: Record<string, string> = {
  ' and ': ' und ',
  ' or ': ' oder ',
  ' and without ': ' und ohne '
};

/** 'casts and metal', 'baseline and balanced_sampling', and what is added after a semicolon. */
function listed(words: string): string | null {
  const clauses = words.split(/(?=; )/);
  if (clauses.length > 1 && !/[.!?] /.test(words)) {
    return clauses.map(clause => whole(clause) ?? clause).join('');
  }
  const parts = words.split(/( and without | and | or |, )/);
  const said = parts.map((part, at) =>
    at % 2
      ? (JOINTS[part] ?? part)
      : (named(part) ?? (/^[\w.-]+$/.test(part) ? part : null))
  );
  return parts.length > 1 && said.every(part => part !== null)
    ? said.join('')
    : null;
}

/** What fits a template of which at least so many letters are fixed. */
function filled(words: string, least = 0): string | null {
  templates ??= [...GERMAN]
    .filter(([key]) => PLACE.test(key))
    .map(([key, said]) => templateOf(key, said))
    .sort((one, other) => other.weight - one.weight);
  for (const template of templates) {
    const found = template.weight < least ? null : fit(template, words);
    if (found) {
      const { said, quoted } = template;
      return said.replace(/%(\d+)/g, (_, place) => {
        const inside = found[+place - 1];
        return quoted[+place - 1] && named(inside) ? inside : inGerman(inside);
      });
    }
  }
  return null;
}

/** What stands in the places of a template, each fixed part found as early as it can be: in linear time, as no regular expression is. */
function fit(template: ITemplate, words: string): string[] | null {
  const { fixed, isOne, isShort } = template;
  const last = fixed.length - 1;
  const end = words.length - fixed[last].length;
  if (
    !words.startsWith(fixed[0]) ||
    !words.endsWith(fixed[last]) ||
    (isShort && /[.!?]$/.test(words))
  ) {
    return null;
  }
  const found: string[] = [];
  let from = fixed[0].length;
  for (let part = 1; part <= last; part++) {
    const at = part === last ? end : words.indexOf(fixed[part], from);
    if (at < from || at > end) {
      return null;
    }
    const inside = words.slice(from, at);
    if (isOne && /[.!?] /.test(inside)) {
      return null;
    }
    found.push(inside);
    from = at + fixed[part].length;
  }
  return found;
}

function templateOf(key: string, said: string): ITemplate {
  const fixed = key.split(PLACE);
  const weight = fixed.join('').length;
  const english = fixed.join('x');
  const isPhrase = !/[.!?](\s|$)/.test(english);
  return {
    fixed,
    // Nor do two places at the beginning, before which others may stand.
    isOne: !/[.!?]\s/.test(english) || key.startsWith('%1%2'),
    isShort: isPhrase && weight < 25,
    said,
    quoted: fixed
      .slice(1)
      .map((part, at) => /^['"]/.test(part) && /['"]$/.test(fixed[at])),
    weight
  };
}

/** '**Title.** What it does.' */
function markdown(text: string): string | null {
  const found = /^\*\*(.+?)\.\*\* ([^]+)$/.exec(text);
  if (!found) {
    return null;
  }
  const title = inGerman(found[1]);
  return `**${title}${/[?!]$/.test(title) ? '' : '.'}** ${inGerman(found[2])}`;
}

/** Sentence by sentence, the longest runs of them first. */
function sentences(text: string): string {
  const parts = text.split(/(?<=[.!?:]) /);
  const said: string[] = [];
  for (let start = 0; start < parts.length;) {
    let end = Math.min(parts.length, start + LONGEST_ENTRY);
    let found: string | null = null;
    while (end > start && found === null) {
      found = whole(parts.slice(start, end).join(' '));
      end -= found === null ? 1 : 0;
    }
    said.push(found ?? unended(parts[start]));
    start = found === null ? start + 1 : end;
  }
  return said.join(' ');
}

/** A phrase that stands as a sentence. */
function unended(part: string): string {
  const phrase = part.endsWith('.') ? filled(part.slice(0, -1), 15) : null;
  return phrase === null ? part : `${phrase}.`;
}
