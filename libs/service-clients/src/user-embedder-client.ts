import { EmbedderServiceClient, type EmbedUsersRequest } from '@mic/contracts';
import type { ReleaseId } from '@mic/domain';
import type { CallOptions, UserEmbedder, UserTowerInput, UserVectors } from '@mic/recall';
import { createClient, unary } from '@mic/rpc';
import { malformed, packed } from '@mic/wire';
import { wantedOnWire, type CallersRelease, type ServiceCaller, type ServiceCallerOptions } from './service-caller';
import { connectionOf, type ServiceConnection } from './service-connection';

/** The user tower of a user-embedder. */
export class UserEmbedderClient implements UserEmbedder {
  readonly #client: EmbedderServiceClient;
  readonly #caller: ServiceCaller;
  readonly #release: CallersRelease;

  constructor({ client, caller }: ServiceConnection<EmbedderServiceClient>, release: CallersRelease) {
    this.#client = client;
    this.#caller = caller;
    this.#release = release;
  }

  /** @param target see grpcTarget. @param options of all clients on this connection. */
  static connect(target: string, options?: ServiceCallerOptions): ServiceConnection<EmbedderServiceClient> {
    return connectionOf('user-embedder', createClient(EmbedderServiceClient, target), options);
  }

  async embed(releaseId: ReleaseId, input: UserTowerInput, options: CallOptions): Promise<UserVectors> {
    const { userRow, profile, historyRows } = input;
    const request: EmbedUsersRequest = {
      ...wantedOnWire(this.#release, releaseId),
      users: [
        {
          userRow: packed(userRow ?? new Float32Array(0)),
          profile: packed(profile ?? new Int32Array(0)),
          historyRows: packed(historyRows),
        },
      ],
    };
    const answer = await this.#caller.call('embedUsers', options, (call) =>
      unary(this.#client, 'embedUsers', request, call),
    );
    this.#caller.checkAnswered(releaseId, answer.releaseId);
    const [user] = answer.users;
    if (user?.vectors.length !== (user?.count ?? 0) * answer.dimension) throw malformed('vectors of another length');
    return { count: user.count, vectors: Float32Array.from(user.vectors) };
  }
}
