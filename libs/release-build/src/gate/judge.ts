import type { GateCheck } from '@mic/release';
import { boundsOf, type GateConfig, type GateFigure } from './gate-config';

/** A figure, or why there is none. */
export type Figure = number | { readonly missing: string };

/** Holds figures against their bounds; a figure that is missing passes, one that is not finite does not. */
export function judge(
  figures: Readonly<Record<GateFigure, Figure>>,
  config: GateConfig,
): { readonly passed: boolean; readonly checks: GateCheck[] } {
  const checks = boundsOf(config).map(([name, { least, most }]): GateCheck => {
    const figure = figures[name];
    if (typeof figure !== 'number') return { name, value: null, least, most, passed: true, note: figure.missing };
    if (!Number.isFinite(figure)) return { name, value: null, least, most, passed: false, note: `it is ${figure}` };
    const passed = (least === null || figure >= least) && (most === null || figure <= most);
    return { name, value: figure, least, most, passed };
  });
  return { passed: checks.every((check) => check.passed), checks };
}
