/**
 * The owner's save, whatever has become of the file.
 */

import { IDocument, isStale, Reader, saveUnlessStale } from '../saving';

const OURS = '2026-01-01T10:00:00Z';

function document(save: () => Promise<void>): IDocument {
  return {
    path: 'nb.ipynb',
    contentsModel: { last_modified: OURS },
    lastModifiedCheckMargin: 500,
    save
  };
}

const onDisk = (last_modified: string): Reader => ({
  get: async () => ({ last_modified }) as any
});

const gone: Reader = {
  get: async () => {
    throw new Error('404 Not Found');
  }
};

describe('saveUnlessStale', () => {
  let done: string[];
  const note = () => void done.push('noted');
  const save = async () => void done.push('saved');

  beforeEach(() => {
    done = [];
  });

  it('notes where the file stands, then saves', async () => {
    expect(await saveUnlessStale(document(save), onDisk(OURS), note)).toBe(
      'saved'
    );
    expect(done).toEqual(['noted', 'saved']);
  });

  it('overwrites nothing that somebody else wrote', async () => {
    const later = onDisk('2026-01-01T10:00:01Z');
    expect(await saveUnlessStale(document(save), later, note)).toBe('stale');
    expect(done).toEqual([]);
  });

  it('answers at once where the file was deleted or the server is out of reach', async () => {
    expect(await saveUnlessStale(document(save), gone, note)).toBe('failed');
    await expect(isStale(document(save), gone)).rejects.toThrow('404');
    expect(done).toEqual([]);
  });

  it('answers where the disk does not take it', async () => {
    const full = async () => {
      throw new Error('No space left on device');
    };
    expect(await saveUnlessStale(document(full), onDisk(OURS), note)).toBe(
      'failed'
    );
  });
});
