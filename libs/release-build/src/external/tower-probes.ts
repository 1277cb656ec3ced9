import { layoutOf, type FeatureSchema, type TowerSignature } from '@mic/features';
import type { OnnxValue } from '@mic/onnx-tower';

/** What a tower is asked before a build: something for each of its inputs, one row each. */
export interface Probe {
  /** e.g. `an unknown user without history`. */
  readonly what: string;
  readonly values: Readonly<Record<string, readonly number[]>>;
}

/** Ids, id rows and fields that probes are made of. */
export interface ProbeSource {
  readonly signature: TowerSignature;
  readonly schema: FeatureSchema;
  readonly items: number;
  /** U x idDimension and I x itemIdDimension. */
  readonly userRows: Float32Array;
  readonly itemRows: Float32Array;
}

/** Users that a user tower is asked for; those that differ in inputs that it does not read are left out. */
export function userProbes({ signature, schema, items, userRows }: ProbeSource): Probe[] {
  const { maskedUserRow, idDimension, longestHistory, userTower } = signature;
  const stranger = {
    user_row: maskedUserRow,
    profile: layoutOf(schema.userFields).places.flatMap(({ width }) => Array<number>(width).fill(0)),
    history: Array<number>(longestHistory).fill(0),
  };
  const probes: Probe[] = [{ what: 'an unknown user without history', values: stranger }];
  if (userTower.inputs.user_row && userRows.length > 0) {
    for (const [what, row] of firstAndLast(userRows, idDimension)) {
      probes.push({ what: `the ${what} user without history`, values: { ...stranger, user_row: row } });
    }
  }
  if (userTower.inputs.profile && stranger.profile.length > 0) {
    const profile = highestCodes(schema.userFields);
    probes.push({ what: `the highest profile codes [${profile.join(', ')}]`, values: { ...stranger, profile } });
  }
  if (userTower.inputs.history) {
    const history = stranger.history.with(0, items);
    probes.push({ what: `a history of the last item alone (code ${items})`, values: { ...stranger, history } });
    const full = stranger.history.map((_, age) => 1 + (age % items));
    probes.push({ what: `a history of ${longestHistory} events`, values: { ...stranger, history: full } });
  }
  return probes;
}

/** Likewise items. A new item is left out where nothing but its id row is read: there is nothing to know it by. */
export function itemProbes({ signature, schema, itemRows, userRows }: ProbeSource): Probe[] {
  const { maskedItemRow, maskedUserRow, idDimension, itemIdDimension, itemTower } = signature;
  const stranger = {
    item_row: maskedItemRow,
    fields: layoutOf(schema.itemFields).places.flatMap(({ width }) => Array<number>(width).fill(0)),
    users_pooled: maskedUserRow,
  };
  const probes: Probe[] = [];
  if (itemTower.inputs.fields ?? itemTower.inputs.users_pooled) probes.push({ what: 'a new item', values: stranger });
  if (itemTower.inputs.item_row) {
    for (const [what, row] of firstAndLast(itemRows, itemIdDimension)) {
      probes.push({ what: `the ${what} item`, values: { ...stranger, item_row: row } });
    }
  }
  if (itemTower.inputs.fields && stranger.fields.length > 0) {
    const fields = highestCodes(schema.itemFields);
    probes.push({ what: `the highest field codes [${fields.join(', ')}]`, values: { ...stranger, fields } });
  }
  if (itemTower.inputs.users_pooled && userRows.length > 0) {
    const users_pooled = [...userRows.subarray(0, idDimension)];
    probes.push({ what: 'an item of the first user alone', values: { ...stranger, users_pooled } });
  }
  return probes;
}

/** The feeds of some probes together; inputs that no probe has values for are left out. */
export function probeFeeds(
  probes: readonly Probe[],
  inputs: TowerSignature['userTower']['inputs'] | TowerSignature['itemTower']['inputs'],
): Record<string, OnnxValue> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, tensor]) => {
      if (!tensor) return [];
      const values = probes.flatMap((probe) => probe.values[name]!);
      const dims = [probes.length, values.length / probes.length];
      const data = tensor.dtype === 'int64' ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
      return [[name, { data, dims }]];
    }),
  );
}

function firstAndLast(rows: Float32Array, width: number): [string, number[]][] {
  return [
    ['first', [...rows.subarray(0, width)]],
    ['last', [...rows.subarray(rows.length - width)]],
  ];
}

/** The highest code of each column of a row. */
function highestCodes(fields: FeatureSchema['userFields']): number[] {
  return layoutOf(fields).places.flatMap(({ width, tableSize }) => Array<number>(width).fill(tableSize - 1));
}
