import type { Profiles } from '@mic/recall';
import type { Logger } from '@mic/rpc';
import { toMicError } from '@mic/domain';
import { loadProfiles } from './load-profiles';

/** How often the file is looked at, milliseconds. */
const LOOK_EVERY_MS = 1_000;

/**
 * The profiles of a file, as it is now: one that was mended or changed counts within a second. A file that is wrong is refused
 * whole, with one line of the log, and what was read before stays in use.
 */
export class WatchedProfiles {
  readonly #file: string | undefined;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;
  #current: Profiles;
  #text: string;
  #told = '';
  #looking = false;

  private constructor(file: string | undefined, logger: Logger, everyMs: number, first: Profiles) {
    this.#file = file;
    this.#logger = logger;
    this.#current = first;
    this.#text = JSON.stringify(first);
    this.#timer = setInterval(() => void this.#look(), everyMs);
    this.#timer.unref();
  }

  /**
   * @param file see loadProfiles; without one nothing is looked at.
   * @throws MicError as loadProfiles does: a process does not begin with profiles that are wrong.
   */
  static async open(file: string | undefined, logger: Logger, everyMs = LOOK_EVERY_MS): Promise<WatchedProfiles> {
    return new WatchedProfiles(file, logger, everyMs, await loadProfiles(file));
  }

  /** Another object as soon as, and only when, a value has changed. */
  get current(): Profiles {
    return this.#current;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#file === undefined || this.#looking) return;
    this.#looking = true;
    try {
      const read = await loadProfiles(this.#file);
      this.#told = '';
      const text = JSON.stringify(read);
      if (text === this.#text) return;
      this.#text = text;
      this.#current = read;
      this.#logger.info({ file: this.#file, profiles: Object.keys(read.profiles) }, 'profiles changed');
    } catch (error) {
      const { message, remedy } = toMicError(error);
      if (message !== this.#told) {
        this.#logger.error(
          { file: this.#file, error: message, remedy },
          'profiles refused; the ones before stay in use',
        );
      }
      this.#told = message;
    } finally {
      this.#looking = false;
    }
  }
}
