/**
 * The owner writes the file, unless somebody else has written it meanwhile: no dialog, nothing overwritten.
 */

import type { Contents } from '@jupyterlab/services';

/** What is needed of the open document; JupyterLab's context is one. */
export interface IDocument {
  readonly path: string;
  readonly contentsModel: Pick<Contents.IModel, 'last_modified'> | null;
  readonly lastModifiedCheckMargin: number;
  save(): Promise<void>;
}

export type Reader = Pick<Contents.IManager, 'get'>;

/**
 * Save, after `before` has been called. Never rejects: the file may be deleted, the connection or the disk gone, and the server,
 * which waits for the answer, then writes the file itself.
 */
export async function saveUnlessStale(
  document: IDocument,
  contents: Reader,
  before: () => void
): Promise<'saved' | 'stale' | 'failed'> {
  try {
    if (await isStale(document, contents)) {
      return 'stale';
    }
    before();
    await document.save();
    return 'saved';
  } catch {
    return 'failed';
  }
}

/** Whether the file on disk is newer than the one that this tab has loaded or saved. Rejects where it cannot be looked at. */
export async function isStale(
  document: IDocument,
  contents: Reader
): Promise<boolean> {
  const ours = document.contentsModel?.last_modified;
  const disk = await contents.get(document.path, { content: false });
  return (
    ours !== undefined &&
    Date.parse(disk.last_modified) - Date.parse(ours) >
      document.lastModifiedCheckMargin
  );
}
