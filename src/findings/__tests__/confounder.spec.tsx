import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { ModelFigures } from '../ModelCards';

/** What a screen reader reads of a confounder check with these false alarms. */
function said(before: number, after: number, ci95?: number[]): string {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  const title = 'baseline';
  const host = document.createElement('div');
  const share = (value: number) => ({ value, n: 40 });
  const confounders = {
    chest_drain: {
      false_alarms_before: share(before),
      false_alarms_after: share(after),
      false_alarm_increase: { value: after - before, ci95 }
    }
  } as any;
  const point = { sensitivity: share(0.9), specificity: share(0.9) } as any;
  act(() =>
    createRoot(host).render(
      <ModelFigures
        title={title}
        metrics={{}}
        operating_point={point}
        confounders={confounders}
      />
    )
  );
  host
    .querySelectorAll('[aria-hidden="true"]')
    .forEach(hidden => hidden.remove());
  expect(host.querySelectorAll('span[aria-label]')).toHaveLength(0);
  const text = host.querySelector('.jp-Clinjup-BeforeAfter')?.textContent ?? '';
  return text.replace(/\s+/g, ' ').split(' n =')[0];
}

describe('false alarms before and after', () => {
  it.each([
    [0.12, 0.3, '12 % rises to 30 %'],
    [0.3, 0.12, '30 % falls to 12 %'],
    [0.301, 0.299, '30 % stays at 30 %']
  ])('%d and %d are read as %s', (before, after, words) => {
    expect(said(before, after)).toBe(words);
  });

  it('are not read as a rise where the interval of the change holds 0', () => {
    expect(said(0.22, 0.33, [0, 0.25])).toBe(
      '22 % before, not measurably different after: 33 %'
    );
    expect(said(0.22, 0.33, [0.02, 0.25])).toBe('22 % rises to 33 %');
  });
});
