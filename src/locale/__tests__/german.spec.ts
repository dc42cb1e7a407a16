import { join } from 'path';

import { nullTranslator } from '@jupyterlab/translation';

import { bundleOf, languageOf } from '../../translation';
import german from '../de.json';
import server from '../server.json';

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { allStrings } = require('../../../scripts/strings');

const catalogue = german as unknown as Record<string, string[]>;
const said: string[] = allStrings(join(__dirname, '..', '..'));

describe('the German catalogue', () => {
  it('has every string that the sidebar says, and no other', () => {
    expect(said.length).toBeGreaterThan(100);
    expect(Object.keys(catalogue).filter(Boolean).sort()).toEqual(said);
  });

  it('keeps the places for figures and names', () => {
    const places = (text: string) => (text.match(/%\d+/g) ?? []).sort();
    for (const english of said.filter(each => !catalogue[each][1])) {
      const kept = places(catalogue[english][0]);
      // An English plural's s (of the server) has no place in German.
      const some =
        server.includes(english) && (kept.length > 0 || /%\ds/.test(english));
      expect(some ? places(english) : kept).toEqual(
        some ? expect.arrayContaining(kept) : places(english)
      );
    }
  });

  it('has one word each for pausing, stopping and going on', () => {
    const words = ['Pause', 'Stop', 'Go on', 'Stop here'];
    expect(words.map(each => catalogue[each][0])).toEqual([
      'Pausieren',
      'Stopp',
      'Weiter',
      'Hier stoppen'
    ]);
  });

  it('is what the panel speaks when it is set to German', () => {
    const trans = bundleOf(nullTranslator, 'de');
    expect(trans.__('Stop')).toBe('Stopp');
    expect(trans.__('%1 elapsed', '3 s')).toBe('3 s vergangen');
    expect(trans._n('One question for you', '%1 questions for you', 2, 2)).toBe(
      '2 Fragen an Sie'
    );
  });

  it('is not forced on anybody', () => {
    expect(languageOf(nullTranslator, 'auto')).toBe('en');
    expect(bundleOf(nullTranslator, 'auto').__('Stop')).toBe('Stop');
  });
});
