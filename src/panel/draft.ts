/**
 * A request that is being written.
 */

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
