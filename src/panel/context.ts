/**
 * What every part of the panel needs: the words, the numbers' language, the markdown renderer, and the way to a run's files.
 */

import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { createContext, useContext } from 'react';

export interface IPanelContext {
  trans: TranslationBundle;
  language: string;
  rendermime: IRenderMimeRegistry | null;
  /** Address of a file of the run, or null where the run is not known (a card in a notebook that was sent by mail). */
  fileUrl: (path: string) => string | null;
}

export const PanelContext = createContext<IPanelContext>({
  trans: nullTranslator.load('clinjup'),
  language: 'en',
  rendermime: null,
  fileUrl: () => null
});

export function usePanel(): IPanelContext {
  return useContext(PanelContext);
}
