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

/** The language that the panel speaks: 'auto' follows JupyterLab, and the page's own language where JupyterLab has none. */
export function languageOf(
  translator: ITranslator | null,
  setting: LanguageSetting
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
  setting: LanguageSetting = 'auto'
): TranslationBundle {
  if (languageOf(translator, setting) === 'de') {
    const gettext = new Gettext({ locale: 'de', domain: DOMAIN });
    gettext.loadJSON(german as any, DOMAIN);
    return gettext;
  }
  return (translator ?? nullTranslator).load(DOMAIN);
}
