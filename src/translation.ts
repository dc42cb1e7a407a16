/**
 * The words of the sidebar: JupyterLab's own translator, or the German catalogue that travels with clinjup.
 *
 * JupyterLab loads catalogues only together with a language pack; a German clinician should not need one.
 */

import { PageConfig } from '@jupyterlab/coreutils';
import {
  Gettext,
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';

import german from './locale/de.json';
import { inGerman } from './sentences';

export type LanguageSetting = 'auto' | 'en' | 'de';

export const DOMAIN = 'clinjup';

let chosen: LanguageSetting = 'auto';
let germanBundle: Gettext | null = null;

/** Take over the user's setting, for what is said outside of the panel. */
export function setLanguage(setting: LanguageSetting): void {
  chosen = setting;
}

/** The language that the panel speaks: 'auto' follows JupyterLab, and the page's own language where JupyterLab has none. */
export function languageOf(
  translator: ITranslator | null,
  setting: LanguageSetting = chosen
): 'en' | 'de' {
  if (setting !== 'auto') {
    return setting;
  }
  const code = translator?.languageCode || PageConfig.getOption('locale') || '';
  return code.toLowerCase().startsWith('de') ? 'de' : 'en';
}

/** The bundle for that language. */
export function bundleOf(
  translator: ITranslator | null,
  setting: LanguageSetting = chosen
): TranslationBundle {
  if (languageOf(translator, setting) === 'de') {
    if (!germanBundle) {
      germanBundle = new Gettext({ locale: 'de', domain: DOMAIN });
      germanBundle.loadJSON(german as any, DOMAIN);
    }
    return germanBundle;
  }
  return (translator ?? nullTranslator).load(DOMAIN);
}

/** A bundle that follows the user's setting, for what is said long after JupyterLab has started: labels of commands, dialogs. */
export function liveBundle(translator: ITranslator | null): TranslationBundle {
  return new Proxy({} as TranslationBundle, {
    get: (_, name: keyof TranslationBundle) => {
      const bundle = bundleOf(translator);
      return bundle[name]?.bind(bundle);
    }
  });
}

function isGerman(trans: TranslationBundle): boolean {
  return (trans as Partial<Gettext>).getLocale?.() === 'de';
}

/** What the server says (locale/server.json), which speaks English, in the bundle's language; unknown sentences as they are. */
export function translated(sentence: string, trans: TranslationBundle): string {
  return isGerman(trans) ? inGerman(sentence) : sentence;
}

/** An id of the server in words: 'chest drain' or 'Thoraxdrainage' of chest_drain; a model's as clinjup/nouns.py. */
export function readable(name: string, trans: TranslationBundle): string {
  return translated(
    name === 'jtt' ? 'training twice' : name.replace(/_/g, ' '),
    trans
  );
}

/** Where the server's messages hold words for the clinician. */
const WORDS = new Set([
  'alt',
  'caption',
  'cautions',
  'detail',
  'label',
  'note',
  'reason',
  'repair',
  'sentence',
  'text',
  'title'
]);
const done = new WeakMap<object, unknown>();

/** A message of the server, or what is made of it, with its words in the bundle's language; the same object for the same one. */
export function spoken<T>(message: T, trans: TranslationBundle): T {
  return isGerman(trans) ? (inWords(message, '') as T) : message;
}

function inWords(value: unknown, name: string): unknown {
  if (typeof value === 'string') {
    return WORDS.has(name) ? inGerman(value) : value;
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (!done.has(value)) {
    const entries = Object.entries(value);
    const isFree = (value as { kind?: unknown }).kind === 'text'; // a model's own words
    done.set(
      value,
      Array.isArray(value)
        ? value.map(each => inWords(each, name))
        : isFree
          ? value
          : Object.fromEntries(
              entries.map(([key, each]) => [key, inWords(each, key)])
            )
    );
  }
  return done.get(value);
}
