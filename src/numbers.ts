/**
 * Figures as a clinician reads them.
 */

import { TranslationBundle } from '@jupyterlab/translation';

import { IEstimate } from './protocol';

/** `0.97`, `0,97` in German; large figures lose their decimals, as 90.3 and 611. */
export function number(value: number, language: string, digits = 2): string {
  const size = Math.abs(value);
  const decimals = size >= 100 ? 0 : Math.min(digits, size >= 10 ? 1 : digits);
  return value.toLocaleString(language, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals
  });
}

export function count(value: number, language: string): string {
  return value.toLocaleString(language, { maximumFractionDigits: 0 });
}

/** `91 %`, with the space that both languages want before the sign. */
export function percent(value: number, language: string): string {
  return `${number(value * 100, language, 0)}\u00a0%`;
}

/** `41 s`, `3 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number, trans: TranslationBundle): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) {
    return trans.__('%1 s', whole);
  }
  if (whole < 3600) {
    return trans.__('%1 min %2 s', Math.floor(whole / 60), two(whole % 60));
  }
  return trans.__(
    '%1 h %2 min',
    Math.floor(whole / 3600),
    two(Math.floor((whole % 3600) / 60))
  );
}

/** `95 % CI 0.96 to 0.98, n = 773`, or the reason why there is no figure. */
export function interval(
  estimate: IEstimate,
  trans: TranslationBundle,
  language: string,
  format: (value: number, language: string) => string = number
): string {
  if (estimate.value === null || estimate.value === undefined) {
    return estimate.reason ?? '';
  }
  const parts: string[] = [];
  if (estimate.ci95) {
    parts.push(
      trans.__(
        '95 % CI %1 to %2',
        format(estimate.ci95[0], language),
        format(estimate.ci95[1], language)
      )
    );
  }
  if (estimate.n !== null && estimate.n !== undefined) {
    parts.push(trans.__('n = %1', count(estimate.n, language)));
  }
  return parts.join(', ');
}
