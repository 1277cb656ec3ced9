import { MicError } from '@mic/domain';
import { errorColours } from './colours';

/** An error for a person: what is wrong, and what to do; the stack only where the error is not one of ours. */
export function describeError(error: unknown): string {
  if (!(error instanceof MicError)) {
    return `mic: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  const lines = [`${errorColours.red('mic:')} ${error.message}`];
  if (error.remedy) lines.push(`     ${error.remedy}`);
  if (error.code === 'INTERNAL' && error.cause instanceof Error) lines.push(`     cause: ${error.cause.message}`);
  return lines.join('\n');
}
