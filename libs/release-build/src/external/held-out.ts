import type { Dataset } from '@mic/dataset';
import { isLastEventProtocol, LAST_EVENT_PROTOCOLS } from '@mic/evaluation';
import type { TowerSignature } from '@mic/features';
import { alignSplit } from '@mic/model-evaluation';
import { loadSplit } from '@mic/training';
import { UNKNOWN_PROTOCOL, type ReleaseModelInfo } from '../release-model';
import type { Sources } from './read-sources';

/** Newest events of a user that are read where a signature does not say: as many as training reads by default. */
export const HISTORY_CAP = 1_000;
/** Seed of samples where a signature does not say. */
const SEED = 1;

type SeenInfo = Pick<ReleaseModelInfo, 'protocol' | 'seenSha256' | 'seed' | 'config'>;

/** What a signature says that its towers have not seen; notes say why nothing is measured on held-out events. */
export async function loadHeldOut(
  dataset: Dataset,
  { training }: TowerSignature,
  ids: Pick<Sources, 'userIds' | 'itemIds'>,
): Promise<{ readonly info: SeenInfo; readonly notes: readonly string[] }> {
  const { historyCap = HISTORY_CAP, coldItems = 0, seed = SEED } = training ?? {};
  const config = { data: { historyCap, coldItems } };
  const unknown: SeenInfo = { protocol: UNKNOWN_PROTOCOL, seenSha256: null, seed, config };
  const none = 'no quality on held-out events: ';
  if (!training || training.protocol === UNKNOWN_PROTOCOL) {
    return { info: unknown, notes: [`${none}the signature does not say what the towers have seen (training)`] };
  }
  const { protocol, seenSha256 } = training;
  const known: SeenInfo = { protocol, seenSha256: seenSha256 ?? null, seed, config };
  if (!isLastEventProtocol(protocol)) {
    const measured = LAST_EVENT_PROTOCOLS.join(' and ');
    return { info: known, notes: [`${none}a build measures ${measured} alone, and the towers hold out ${protocol}`] };
  }
  const split = await loadSplit(dataset, { protocol, cutMs: null, ...config.data });
  if (seenSha256 === undefined) {
    const remedy = `write training.seenSha256 ${split.seenSha256} if they were trained on what ${protocol} leaves of these events`;
    return { info: unknown, notes: [`${none}the signature does not say which events the towers have seen: ${remedy}`] };
  }
  if (seenSha256 !== split.seenSha256) {
    const found = `training.seenSha256 is ${seenSha256}, and ${protocol} leaves ${split.seenSha256} of this dataset`;
    return { info: known, notes: [none + found] };
  }
  const covered = alignSplit(split, ids) !== null;
  return { info: known, notes: covered ? [] : [`${none}the towers lack users or items of the dataset`] };
}
