import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetReleaseRequest, ReleaseServiceClient, type FieldValue } from '@mic/contracts';
import type { Random } from '@mic/domain';
import { featureSchemaSchema, type FieldSpec } from '@mic/features';
import { openStore } from '@mic/open-store';
import { RELEASE_FILES } from '@mic/release';
import { createClient, unary } from '@mic/rpc';

/** Draws the fields of a new item. */
export type FieldsOf = (random: Random) => Record<string, Partial<FieldValue>>;

/** Fields that the release which a gateway answers from knows, with values of its vocabularies. */
export async function fieldsOfNewItems(home: string, gateway: string): Promise<FieldsOf> {
  const client = createClient(ReleaseServiceClient, gateway);
  try {
    const request = GetReleaseRequest.fromPartial({});
    const { currentReleaseId } = await unary(client, 'getRelease', request, { deadlineMs: 5_000 });
    const file = join(home, 'releases', currentReleaseId, RELEASE_FILES.featureSchema);
    const { itemFields } = featureSchemaSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return (random) => Object.fromEntries(itemFields.map((field) => [field.name, valueOf(field, random)]));
  } finally {
    client.close();
  }
}

function valueOf(field: FieldSpec, random: Random): Partial<FieldValue> {
  if (field.type === 'numeric') return { number: oneOf(field.boundaries, random) ?? 0 };
  const text = oneOf(field.vocabulary, random) ?? 'none';
  return field.type === 'multi' ? { texts: { values: [text] } } : { text };
}

const oneOf = <T>(values: readonly T[], random: Random): T | undefined =>
  values.length === 0 ? undefined : values[random.below(values.length)];

/** Takes what is said of items whose ids begin so out of a store. */
export async function forgetItems(address: string, prefix: string): Promise<void> {
  const store = await openStore({ store: address });
  try {
    const { items } = await store.liveItems(null);
    await store.forgetLiveItems(items.filter(({ itemId }) => itemId.startsWith(prefix)));
  } finally {
    await store.close();
  }
}
