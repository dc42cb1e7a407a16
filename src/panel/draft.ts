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

export const EMPTY_DRAFT: IDraft = {
  intent: '',
  data: '',
  notebook: '',
  planner: 'offline'
};
