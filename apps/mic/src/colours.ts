import pc from 'picocolors';

/**
 * Whether what goes to a stream is coloured: on a terminal, or where FORCE_COLOR asks for it; never with NO_COLOR.
 * What is piped or written to a file stays plain, on a continuous-integration machine too: a script reads it.
 */
export function isColoured(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  return forced ? forced !== '0' : stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** Colours of what is printed to standard output. */
export const colours = pc.createColors(isColoured(process.stdout));

/** Colours of what is printed to standard error. */
export const errorColours = pc.createColors(isColoured(process.stderr));
