import { MicError } from '@mic/domain';
import { layoutOf, type FeatureSchema, type FieldSpec } from '@mic/features';
import type { TrainedModel } from '../trained-model';
import type { Trainer } from './trainer';

/** The data of a run that starts from another one's model. */
export interface WarmStartData {
  readonly userIds: readonly string[];
  readonly itemIds: readonly string[];
  readonly schema: FeatureSchema;
}

/**
 * Sets a trainer at its start to what a parent model has learnt: users, items and field values that the parent knows
 * keep their rows, new users and items begin with the mask row, new field values as they are; dense parameters are taken
 * over.
 *
 * @throws MicError FAILED_PRECONDITION when the parent is of another encoder or size, or reads other fields or in another order.
 */
export function warmStart(trainer: Trainer, parent: TrainedModel, { userIds, itemIds, schema }: WarmStartData): void {
  const { tables, store, shape } = trainer.state();
  const { dimension } = shape.config.model;
  const { signature, info } = parent;
  if (info.encoder !== shape.config.encoder || signature.idDimension !== dimension) {
    const is = `${info.encoder} of dimension ${signature.idDimension}`;
    throw new MicError(
      'FAILED_PRECONDITION',
      `the parent model is ${is}, this run ${shape.config.encoder} of ${dimension}`,
      {
        subject: 'from',
        remedy: 'train with the configuration of the parent, or without --from',
      },
    );
  }
  if (tables.users.length > dimension) {
    takeRows(tables.users, userIds, signature.maskedUserRow, parent.userIds, parent.userRows);
  }
  takeRows(tables.items, itemIds, signature.maskedItemRow, parent.itemIds, parent.itemRows);
  const { features } = shape.config;
  const fields = new Map([
    ...(features.profile ? fieldTables('user', parent.schema.userFields, schema.userFields) : []),
    ...(features.itemFields ? fieldTables('item', parent.schema.itemFields, schema.itemFields) : []),
  ]);
  for (const name of store.names) {
    const { values, shape: own } = store.get(name);
    const known = parent.parameters[name];
    if (!known) continue;
    const field = fields.get(name);
    if (field) takeFieldRows(values, known.values, own[1]!, field);
    else if (known.values.length === values.length) values.set(known.values);
    else {
      throw new MicError('FAILED_PRECONDITION', `${name} of the parent model has another size`, {
        subject: 'from',
        remedy: 'train with the configuration and the fields of the parent, or without --from',
      });
    }
  }
}

/** Fills a table (the mask row first) with the rows of the ids that the parent knows. */
function takeRows(
  table: Float32Array,
  ids: readonly string[],
  mask: readonly number[],
  knownIds: readonly string[],
  knownRows: Float32Array,
): void {
  const width = mask.length;
  const rowOf = new Map(knownIds.map((id, row) => [id, row]));
  table.set(mask);
  ids.forEach((id, row) => {
    const known = rowOf.get(id);
    const values = known === undefined ? mask : knownRows.subarray(known * width, (known + 1) * width);
    table.set(values, (row + 1) * width);
  });
}

/** By the name of a field's table: row of the parent's table for each row of this one's, -1 for a new value. */
function* fieldTables(
  of: 'user' | 'item',
  before: readonly FieldSpec[],
  now: readonly FieldSpec[],
): Generator<[string, Int32Array]> {
  requireSameFields(of, before, now);
  for (const [i, { name, tableSize }] of layoutOf(now).places.entries()) {
    const [old, fresh] = [before[i]!, now[i]!];
    const rows = new Int32Array(tableSize).fill(-1);
    rows[0] = 0;
    if (fresh.type === 'numeric' || old.type === 'numeric') {
      rows.forEach((_, row) => (rows[row] = row));
    } else {
      const places = new Map(old.vocabulary.map((value, i) => [value, i + 1]));
      fresh.vocabulary.forEach((value, i) => (rows[i + 1] = places.get(value) ?? -1));
    }
    yield [`${of}.field.${name}`, rows];
  }
}

/** What reads the fields has a block of weights for each, in their order. */
function requireSameFields(of: 'user' | 'item', before: readonly FieldSpec[], now: readonly FieldSpec[]): void {
  const words = (fields: readonly FieldSpec[]): string =>
    fields.map(({ name, type }) => `${name} (${type})`).join(', ') || 'none';
  const [old, fresh] = [words(before), words(now)];
  if (old === fresh) return;
  throw new MicError(
    'FAILED_PRECONDITION',
    `the ${of} fields of the parent model are ${old}, of this dataset ${fresh}`,
    {
      subject: 'from',
      remedy: 'train on a dataset with the fields of the parent, in its order, or without --from',
    },
  );
}

function takeFieldRows(values: Float32Array, known: Float32Array, width: number, rows: Int32Array): void {
  rows.forEach((from, to) => {
    if (from >= 0 && (from + 1) * width <= known.length) {
      values.set(known.subarray(from * width, (from + 1) * width), to * width);
    }
  });
}
