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

/** A fixed sentence of the server (locale/server.json), which speaks English, in the bundle's language; others as they are. */
export function translated(sentence: string, trans: TranslationBundle): string {
  // eslint-disable-next-line jupyter/no-dynamic-translation
  return trans.__(sentence);
}
