import { ReleaseServiceClient, type GetReleaseResponse } from '@mic/contracts';
import type { ReleaseId } from '@mic/domain';
import { addressesOf, createClient, unary } from '@mic/rpc';
import type { CallersRelease } from './service-caller';

/** What one address of a service has open; null where it has not answered for a while. */
export interface Holding {
  readonly service: string;
  readonly address: string;
  readonly open: readonly CallersRelease[] | null;
}

const ANSWER_WITHIN_MS = 1_000;
/** So long an answer counts: who is too busy to answer in time has not lost what he had. */
const REMEMBERED_MS = 10_000;

/**
 * Asks every address of some services which releases they have open, and tells them which ones are in use here, so that they
 * stay open there. An address that has not answered for ten seconds has no say: when it is back it has what is published.
 */
export class ReleaseHolders {
  readonly #targets: Readonly<Record<string, string>>;
  readonly #clock: () => number;
  readonly #lookUp: typeof addressesOf;
  #clients = new Map<string, ReleaseServiceClient>();
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #answers = new Map<string, { readonly open: readonly CallersRelease[]; readonly atMs: number }>();

  /** @param targets by service; see grpcTarget. @param lookUp for tests. */
  constructor(
    targets: Readonly<Record<string, string>>,
    clock: () => number = () => performance.now(),
    lookUp: typeof addressesOf = addressesOf,
  ) {
    this.#targets = targets;
    this.#clock = clock;
    this.#lookUp = lookUp;
  }

  async ask(inUse: readonly ReleaseId[]): Promise<readonly Holding[]> {
    const found = await Promise.all(
      Object.entries(this.#targets).map(async ([service, target]) => {
        // A look-up that fails, or finds nobody for a moment, takes nobody's say away.
        const found = await this.#lookUp(target).catch(() => []);
        if (found.length > 0) this.#addresses.set(service, found);
        return (this.#addresses.get(service) ?? []).map((address) => ({ service, address }));
      }),
    );
    const places = found.flat();
    this.#keepClientsOf(new Set(places.map(({ address }) => address)));
    return Promise.all(
      places.map(async ({ service, address }) => ({ service, address, open: await this.#askOne(address, inUse) })),
    );
  }

  close(): void {
    this.#keepClientsOf(new Set());
  }

  async #askOne(address: string, inUse: readonly ReleaseId[]): Promise<readonly CallersRelease[] | null> {
    const client = this.#clients.get(address)!;
    const request = { inUseReleaseIds: [...inUse] };
    try {
      const open = releasesOf(await unary(client, 'getRelease', request, { deadlineMs: ANSWER_WITHIN_MS }));
      this.#answers.set(address, { open, atMs: this.#clock() });
      return open;
    } catch {
      const last = this.#answers.get(address);
      return last && this.#clock() - last.atMs < REMEMBERED_MS ? last.open : null;
    }
  }

  #keepClientsOf(addresses: ReadonlySet<string>): void {
    for (const [address, client] of this.#clients) {
      if (addresses.has(address)) continue;
      client.close();
      this.#answers.delete(address);
    }
    this.#clients = new Map(
      Array.from(addresses, (address) => [
        address,
        this.#clients.get(address) ?? createClient(ReleaseServiceClient, address),
      ]),
    );
  }
}

/** Those that answered and do not have a release, in words. */
export function lacking(holdings: readonly Holding[], wanted: CallersRelease): readonly string[] {
  return holdings
    .filter(({ open }) => open !== null && !open.some((release) => isSame(release, wanted)))
    .map(({ service, address }) => `${service} at ${address}`);
}

const isSame = (a: CallersRelease, b: CallersRelease): boolean =>
  a.releaseId === b.releaseId && a.manifestSha256 === b.manifestSha256;

const releasesOf = ({ releases }: GetReleaseResponse): readonly CallersRelease[] =>
  releases.map(({ releaseId, manifestSha256 }) => ({ releaseId: releaseId as ReleaseId, manifestSha256 }));
