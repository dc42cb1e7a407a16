/**
 * The cell that JupyterLab puts into an empty notebook when it opens one: nobody asked for it.
 */

import type {
  ISharedCell,
  ISharedCodeCell,
  ISharedNotebook
} from '@jupyter/ydoc';

/** That cell, as long as it stands alone. */
export function blankCell(notebook: ISharedNotebook): ISharedCell | null {
  const [first, ...others] = notebook.cells;
  const isBlank =
    first?.cell_type === 'code' &&
    first.getSource() === '' &&
    (first as ISharedCodeCell).getOutputs().length === 0;
  return isBlank && others.length === 0 ? first : null;
}

/** Take it away once there are others. Returns whether it was. */
export function removeBlank(
  notebook: ISharedNotebook,
  blank: ISharedCell | null
): boolean {
  const place = blank ? notebook.cells.indexOf(blank) : -1;
  if (place < 0 || notebook.cells.length < 2) {
    return false;
  }
  notebook.transact(() => notebook.deleteCell(place), false);
  return true;
}
