import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/**
 * Collects this process's garbage now. V8 would do it in the midst of a load, and hold up all calls that are under way for 120
 * to 280 ms (docs/experiments.md, 16): what they lose then is not the server's doing.
 */
export const collectGarbage = (): void => {
  gc();
};
