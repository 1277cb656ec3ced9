import type { LateEvent } from '@mic/recall';
import type { Host } from './host';

/** Parts of the recall path that are spared because they are late again and again are for the log and the metrics. */
export function tellLate({ logger, metrics }: Pick<Host, 'logger' | 'metrics'>): (event: LateEvent) => void {
  return ({ part, isSpared, fromMs, late }) => {
    metrics.showSpared(part, fromMs, isSpared);
    const fields = { part, budgetsFromMs: fromMs, late };
    if (isSpared) logger.warn(fields, 'late again and again: not waited for');
    else logger.info(fields, 'waited for again');
  };
}
