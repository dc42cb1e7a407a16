import { nullTranslator } from '@jupyterlab/translation';

import { duration, interval, number, percent } from '../../numbers';

const trans = nullTranslator.load('clinjup');

describe('figures', () => {
  it('are written as the language writes them', () => {
    expect(number(0.974, 'en')).toBe('0.97');
    expect(number(0.974, 'de')).toBe('0,97');
    expect(number(90.3, 'en')).toBe('90.3');
    expect(number(1552.4, 'en')).toBe('1,552');
    expect(percent(0.905, 'en')).toBe('91\u00a0%');
  });

  it('carry their interval and n, or the reason why they are missing', () => {
    const known = {
      value: 0.9,
      ci95: [0.8, 0.95],
      n: 46,
      reason: null,
      note: null
    };
    expect(interval(known as any, trans, 'en')).toBe(
      '95 % CI 0.80 to 0.95, n = 46'
    );
    const missing = {
      ...known,
      value: null,
      ci95: null,
      reason: 'one class only'
    };
    expect(interval(missing as any, trans, 'en')).toBe('one class only');
  });

  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [65, '1 min 05 s'],
    [3725, '1 h 02 min']
  ])('%d seconds are %s', (seconds, words) => {
    expect(duration(seconds, trans)).toBe(words);
  });
});
