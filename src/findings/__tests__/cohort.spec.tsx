import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { Cohort } from '../DataCards';

/** How many images of how many patients the card of a cohort tells. */
function told(codes: string[]): string | null | undefined {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  const host = document.createElement('div');
  const cohort = {
    images: 145,
    patients: 145,
    classes: { positive: 59, negative: 86 },
    grouped_by: 'patient',
    warnings: codes.map(code => ({ code, sentence: code, files: [] }))
  } as any;
  act(() => createRoot(host).render(<Cohort {...cohort} />));
  return host.querySelector('p')?.textContent;
}

describe('the card of a cohort', () => {
  it('counts patients only where a column names them', () => {
    expect(told([])).toBe('145 images of 145 patients');
    expect(told(['no_patient_ids'])).toBe('145 images, patients unknown');
  });
});
