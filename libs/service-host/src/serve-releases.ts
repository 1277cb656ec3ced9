import type { LiveItemRecords, ReleaseRecords, Store } from '@mic/recall';
import { openStore } from '@mic/open-store';
import { MicError } from '@mic/domain';
import type { Host, Opened, ReleaseState } from './host';
import { OpenReleases, type ReleaseEvent, type ReleaseOpener } from './open-releases';
import { nothingPublished, ReleaseWatch } from './release-watch';

/** Where the control records are, which may not be there yet. */
export interface Records {
  get(): Promise<Pick<ReleaseRecords, 'pointer' | 'releases'>>;
  close(): Promise<void>;
}

/** The control records of a store, all that may be read of them. */
export interface StoreRecords extends Records {
  get(): Promise<ReleaseRecords & LiveItemRecords>;
}

export interface ServeReleasesOptions<T> {
  readonly host: Host;
  readonly opener: ReleaseOpener<T>;
  readonly settings: {
    readonly MIC_RELEASE_POLL_MS: number;
    readonly MIC_RELEASE_LINGER_MS: number;
    readonly MIC_OPEN_RELEASES: number;
  };
  /** The control records of the store. */
  readonly records: Records;
  /** For a service whose callers pin their calls to a release: it opens the one before as well when it starts. */
  readonly isPinnedByCallers?: boolean;
  /** Before each look at the pointer, with the releases that are open. */
  readonly onLook?: (releases: OpenReleases<T>) => Promise<void>;
}

/**
 * Opens the published release, and follows the pointer from then on (ADR 016). What happens goes to the log and the metrics.
 *
 * @throws MicError INVALID_ARGUMENT for what no waiting mends; CANCELLED when the process ends first.
 */
export async function serveReleases<T>(options: ServeReleasesOptions<T>): Promise<Opened<OpenReleases<T>>> {
  const { host, opener, settings, records, isPinnedByCallers = false, onLook } = options;
  const state = (): ReleaseState => {
    const known = releases.state();
    return { ...known, problem: known.problem ?? watch.pointerProblem };
  };
  const releases = new OpenReleases(opener, {
    most: settings.MIC_OPEN_RELEASES,
    lingerMs: settings.MIC_RELEASE_LINGER_MS,
    onEvent: (event) => {
      report(host, event);
      host.showReleases(state());
    },
  });
  const watch = new ReleaseWatch({
    releases,
    records: () => records.get(),
    pollMs: settings.MIC_RELEASE_POLL_MS,
    logger: host.logger,
    isPinnedByCallers,
    onLook: async () => {
      host.showReleases(state());
      await onLook?.(releases);
    },
  });
  const close = async (): Promise<void> => {
    await watch.stop();
    await releases.close().finally(() => records.close());
  };
  try {
    if (await watch.start(host.stopping)) {
      host.showReleases(state());
      return {
        value: releases,
        releases: () => Promise.resolve(state()),
        keep: (ids) => {
          releases.keep(ids);
        },
        close,
      };
    }
  } catch (error) {
    await close();
    throw error;
  }
  await close();
  throw new MicError('CANCELLED', 'the process is stopping');
}

/** The control records of a store, which is opened when it is there. */
export function storeRecords(address: string): StoreRecords {
  let opened: Promise<Store> | null = null;
  return {
    get() {
      opened ??= openStore({ store: address, readOnly: true }).catch((error: unknown) => {
        opened = null;
        throw error instanceof MicError && error.code === 'NOT_FOUND' ? nothingPublished() : error;
      });
      return opened;
    },
    async close() {
      await (await opened?.catch(() => null))?.close();
    },
  };
}

function report({ logger, metrics }: Host, event: ReleaseEvent): void {
  if (event.kind === 'opened') metrics.observeOpened(event.ms / 1_000);
  if (event.kind === 'current') metrics.countSwap('done');
  if (event.kind === 'failed') metrics.countSwap('failed');
  if (event.kind === 'waiting') {
    logger.debug({ release: event.releaseId, why: event.message }, 'release waits');
  } else if (event.kind === 'failed') {
    const { releaseId, error, againInMs } = event;
    const { code, message, remedy } = error;
    logger.error({ release: releaseId, code, error: message, remedy, againInMs }, 'release could not be opened');
  } else {
    const { kind, release, ms } = event;
    logger.info({ release: release.releaseId, manifest: release.manifestSha256, ms: Math.round(ms) }, MESSAGES[kind]);
  }
}

const MESSAGES = { opened: 'release opened', current: 'release is served', closed: 'release closed' } as const;
