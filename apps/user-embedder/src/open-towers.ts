import { setTimeout as sleep } from 'node:timers/promises';
import { OnnxItemEmbedder, OnnxUserEmbedder } from '@mic/onnx-tower';
import type { ReleasePointer } from '@mic/recall';
import { openedRelease, openPublishedParts, type OpenedRelease } from '@mic/service-host';
import type { config } from './config';
import type { Towers } from './handler';

/** Two sessions at once take what calls of the release that is served need. */
const BETWEEN_TOWERS_MS = 300;

/** Opens the towers of a published release, each in a thread of its own. */
export async function openTowers(
  { MIC_RELEASES: releases }: ReturnType<typeof config.parse>,
  pointer: ReleasePointer,
  beside: boolean,
): Promise<OpenedRelease<Towers>> {
  const release = await openPublishedParts(releases, pointer, ['towers'], beside);
  const { releaseId } = release;
  const { signature, userTower, itemTower } = release.towers;
  const users = await OnnxUserEmbedder.open({ releaseId, signature, model: userTower });
  try {
    if (beside) await sleep(BETWEEN_TOWERS_MS);
    const items = await OnnxItemEmbedder.open({ releaseId, signature, model: itemTower });
    return openedRelease(release, { signature, users, items }, async () => {
      await users.close();
      await items.close();
    });
  } catch (error) {
    await users.close();
    throw error;
  }
}
