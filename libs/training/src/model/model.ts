import type { Tensor } from '@mic/autodiff';
import type { FieldLayout } from '@mic/features';
import type { TrainingConfig } from '../config/training-config';
import { ENCODERS } from './encoders';
import { embedFields, linear } from './layers';
import { normal } from './parameters';
import type { ModelScope } from './scope';

/** What decides the tensors of a model. */
export interface ModelShape {
  readonly config: TrainingConfig;
  readonly userLayout: FieldLayout;
  readonly itemLayout: FieldLayout;
}

/** True where the model reads the items' fields, the users' fields. */
export const readsItemFields = ({ config, itemLayout }: ModelShape): boolean =>
  config.features.itemFields && itemLayout.width > 0;
export const readsProfile = ({ config, userLayout }: ModelShape): boolean =>
  config.features.profile && userLayout.width > 0;

/** What is known of n items beside their id rows. */
export interface ItemContentInputs {
  /** int64 [n, itemLayout.width], or null where the model does not read them. */
  readonly fields: Tensor | null;
  /** float32 [n, D], the mean id row of users of the item, or null where the model does not read it. */
  readonly users: Tensor | null;
}

/** Embedded fields [n, width] of items, or null. */
function itemFields(scope: ModelScope, { config, itemLayout }: ModelShape, codes: Tensor): Tensor {
  const parts = embedFields(scope, 'item', itemLayout, config.model.fieldDimension, codes);
  return parts.length === 1 ? parts[0]! : scope.graph.concat(parts, 1);
}

/** f(fields) [n, D], what a history token has beside the id row; null where the model does not read item fields. */
export function tokenContent(scope: ModelScope, shape: ModelShape, { fields }: ItemContentInputs): Tensor | null {
  if (!fields) return null;
  const { dimension, initialScale } = shape.config.model;
  const embedded = itemFields(scope, shape, fields);
  return linear(scope, 'token', embedded, dimension, normal(initialScale / Math.sqrt(embedded.shape[1] as number)));
}

/**
 * Item vectors [n, D] of unit length: l2(id row or mask row + g(fields, users)); without content, the id row alone.
 *
 * @param idRows float32 [n, D]
 */
export function itemVectors(scope: ModelScope, shape: ModelShape, idRows: Tensor, content: ItemContentInputs): Tensor {
  const { graph } = scope;
  const parts = [
    ...(content.fields ? [itemFields(scope, shape, content.fields)] : []),
    ...(content.users ? [content.users] : []),
  ];
  if (parts.length === 0) return graph.l2Normalize(idRows);
  const { dimension, contentHidden, initialScale } = shape.config.model;
  const x = parts.length === 1 ? parts[0]! : graph.concat(parts, 1);
  const hidden = graph.relu(linear(scope, 'item.in', x, contentHidden));
  const g = linear(scope, 'item.out', hidden, dimension, normal(initialScale / Math.sqrt(contentHidden)));
  return graph.l2Normalize(graph.add(idRows, g));
}

/** What the user tower reads of B users. */
export interface UserInputs {
  /** float32 [B, L, D] */
  readonly tokens: Tensor;
  /** float32 [B, L] */
  readonly present: Tensor;
  /** float32 [B, D], or null where the model does not read user ids. */
  readonly userRow: Tensor | null;
  /** int64 [B, userLayout.width], or null where the model does not read profiles. */
  readonly profile: Tensor | null;
}

/** User vectors of unit length: [B x L, 1, D] after every slot, or [B, vectorsPerUser, D] after the last. */
export function userVectors(
  scope: ModelScope,
  shape: ModelShape,
  { tokens, present, userRow, profile }: UserInputs,
  positions: 'all' | 'last',
): Tensor {
  const { graph } = scope;
  const { config, userLayout } = shape;
  const [batch, length] = present.shape as [number | string, number];
  const parts = [
    ...(userRow ? [userRow] : []),
    ...(profile ? embedFields(scope, 'user', userLayout, config.model.fieldDimension, profile) : []),
  ];
  const context = parts.length > 1 ? graph.concat(parts, 1) : (parts[0] ?? null);
  const kept = graph.mul(tokens, graph.reshape(present, [batch, length, 1]));
  const vectors = ENCODERS[config.encoder].encode(scope, { tokens: kept, present, context }, config, positions);
  return graph.l2Normalize(vectors);
}
