import type { Interaction } from '@mic/domain';
import { z } from 'zod';

/** An event as the log has it. */
export interface LoggedEvent extends Interaction {
  /** When the service took it, milliseconds since the epoch. */
  readonly acceptedMs: number;
}

const lineSchema = z.object({
  user_id: z.string(),
  item_id: z.string(),
  time_ms: z.number(),
  weight: z.number(),
  accepted_ms: z.number(),
});

/** The line of an event, with its end. */
export function encodeLine({ userId, itemId, timeMs, weight, acceptedMs }: LoggedEvent): string {
  const line = { user_id: userId, item_id: itemId, time_ms: timeMs, weight, accepted_ms: acceptedMs };
  return `${JSON.stringify(line)}\n`;
}

/** The event of a line, or null when it is none. */
export function decodeLine(line: string): LoggedEvent | null {
  try {
    const { user_id, item_id, time_ms, weight, accepted_ms } = lineSchema.parse(JSON.parse(line));
    return { userId: user_id, itemId: item_id, timeMs: time_ms, weight, acceptedMs: accepted_ms };
  } catch {
    return null;
  }
}
