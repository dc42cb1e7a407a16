/**
 * A request that is being written, kept in this tab of the browser so that a reload of the page does not lose it.
 */

import { PageConfig } from '@jupyterlab/coreutils';

export interface IDraft {
  intent: string;
  /** The folder with the images. */
  data: string;
  /** Contents path of the notebook to write into; '' = a new one. */
  notebook: string;
  planner: 'offline' | 'claude';
}

/** The first place of a prefilled request that is still to be filled in, as `[which finding?]`; null where there is none. */
export function gapIn(intent: string): { at: number; text: string } | null {
  const found = /\[[^\][]*\?\]/.exec(intent);
  return found && { at: found.index, text: found[0] };
}

export const EMPTY_DRAFT: IDraft = {
  intent: '',
  data: '',
  notebook: '',
  planner: 'offline'
};

export interface IDraftStore {
  load(): IDraft;
  save(draft: IDraft): void;
}

/** The draft of a server (its base URL) and workspace. Where nothing can be kept, a reload begins with an empty one. */
export function keptDraft(storage: Storage, server: string): IDraftStore {
  const key = `clinjup:draft:${server}:${PageConfig.getOption('workspace')}`;
  return {
    load: () => {
      try {
        return { ...EMPTY_DRAFT, ...JSON.parse(storage.getItem(key) ?? '{}') };
      } catch {
        return EMPTY_DRAFT;
      }
    },
    save: draft => {
      try {
        storage.setItem(key, JSON.stringify(draft));
      } catch {
        // The storage is full or switched off.
      }
    }
  };
}
