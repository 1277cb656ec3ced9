import { Graph, gradients, toOnnx, type Tensor } from '@mic/autodiff';
import { minedBce } from '../losses/mined-bce';
import { RELATIONS, type Relation } from '../mining/mined-pairs';
import { ntXentLoss } from '../losses/nt-xent';
import { softmaxLoss } from '../losses/softmax';
import { ENCODERS } from '../model/encoders';
import {
  itemVectors,
  readsItemFields,
  readsProfile,
  tokenContent,
  userVectors,
  type ItemContentInputs,
  type ModelShape,
} from '../model/model';
import type { ParameterStore } from '../model/parameters';
import { TrainingScope, type DropoutMask, type ModelScope } from '../model/scope';

/** Fixed sizes of the graph of one part of a step. */
export interface PartSize {
  /** Users (windows of histories): B. */
  readonly users: number;
  /** Slots of a history: L. */
  readonly length: number;
  /** Candidates of the softmax: C. */
  readonly candidates: number;
  /** True where the candidates are the item rows of the step themselves, mask row included. */
  readonly full: boolean;
  /** Pairs with losses of their own; 0: none. */
  readonly pairs: number;
  /** Slots of a pair's second view; 0: no second views. */
  readonly viewLength: number;
  /** True where pairs are compared with mined ones too. */
  readonly mined: boolean;
}

/** Losses of a part, in the order of the graph's output `losses`. */
export type LossName = 'softmax' | 'itemToUser' | 'mined' | 'userUser' | 'itemItem';

export interface StepModel {
  readonly onnx: Uint8Array;
  readonly size: PartSize;
  readonly losses: readonly LossName[];
  /** Dense parameters that the graph reads, whose gradients are outputs `gradient:NAME`. */
  readonly parameters: readonly string[];
  readonly dropouts: readonly DropoutMask[];
}

export const USER_ROWS = 'userRows';
/** Mean id rows of the candidates' users. */
export const ITEM_USERS = 'itemUsers';
export const ITEM_ROWS = 'itemRows';
export const gradientOf = (name: string): string => `gradient:${name}`;

/** Queries (targets) of a part. */
export function queriesOf({ config }: ModelShape, { users, length }: PartSize): number {
  return ENCODERS[config.encoder].positions === 'all' ? users * length : users;
}

/**
 * One part of a training step as one ONNX model: the towers, the losses, their gradients. Inputs are what PartAssembler
 * feeds, every dense parameter by its name, and the dropout masks. Outputs: `losses` [one each, weighted], the gradients
 * of the id rows and of each parameter.
 */
export function stepModel(shape: ModelShape, store: ParameterStore, size: PartSize): StepModel {
  const graph = new Graph();
  const scope = new TrainingScope(graph, store);
  const { config } = shape;
  const { dimension } = config.model;
  const itemRows = graph.input(ITEM_ROWS, 'float32', [size.full ? size.candidates : 'rows', dimension]);
  const userRows = config.features.userId ? graph.input(USER_ROWS, 'float32', ['users', dimension]) : null;
  const inputs = new PartInputs(graph, shape, size, itemRows, userRows);

  const content = inputs.content();
  const tokens = tokenContent(scope, shape, content);
  const positions = ENCODERS[config.encoder].positions;
  const users = userVectors(scope, shape, inputs.users(tokens), positions);
  const candidates = candidateVectors(scope, shape, size, inputs, content);
  const queries = queriesOf(shape, size);
  const target = graph.input('target', 'int64', [queries]);
  const bias = graph.input('bias', 'float32', [1, size.candidates]);
  const largestBias = size.full ? 0 : LARGEST_BIAS;

  const losses = new Map<LossName, Tensor>();
  const softmax = softmaxLoss(graph, {
    queries: nearestToTarget(graph, users, graph.gather(candidates, target)),
    candidates,
    target,
    weight: graph.input('weight', 'float32', [queries]),
    bias,
    seen: config.softmax.maskSeen ? graph.input('seen', 'bool', [size.users, 1, size.candidates]) : null,
    temperature: config.softmax.temperature,
    largestBias,
  });
  losses.set('softmax', softmax);
  if (size.pairs > 0) pairLosses(scope, shape, inputs, { users, candidates, target, tokens, losses });

  const total = [...losses.values()].reduce((sum, loss) => graph.add(sum, loss));
  graph.output(
    'losses',
    graph.concat(
      [...losses.values()].map((loss) => graph.reshape(loss, [1])),
      0,
    ),
  );
  const names = [...scope.parameters.keys()];
  const rows = { [ITEM_ROWS]: itemRows, [USER_ROWS]: userRows, [ITEM_USERS]: content.users };
  const read = Object.entries(rows).filter((entry): entry is [string, Tensor] => entry[1] !== null);
  const wrt = [...read, ...names.map((name): [string, Tensor] => [name, scope.parameters.get(name)!])];
  gradients(
    graph,
    total,
    wrt.map(([, tensor]) => tensor),
  ).forEach((gradient, i) => graph.output(gradientOf(wrt[i]![0]), gradient));
  return {
    onnx: toOnnx(graph, 'training step'),
    size,
    losses: [...losses.keys()],
    parameters: names,
    dropouts: scope.dropouts,
  };
}

/** Highest - log Q of a sampled candidate: its chance to be one is at least e^-30. */
export const LARGEST_BIAS = 30;

/** Creates the graph inputs that PartAssembler feeds. */
class PartInputs {
  constructor(
    readonly graph: Graph,
    readonly shape: ModelShape,
    readonly size: PartSize,
    readonly itemRows: Tensor,
    readonly userRows: Tensor | null,
  ) {}

  int64(name: string, dims: (number | string)[]): Tensor {
    return this.graph.input(name, 'int64', dims);
  }

  /** Fields of the item rows of the step, and users of the candidates. */
  content(): ItemContentInputs {
    const rows = this.itemRows.shape[0]!;
    const { config, itemLayout } = this.shape;
    const { candidates } = this.size;
    return {
      fields: readsItemFields(this.shape) ? this.int64('itemFields', [rows, itemLayout.width]) : null,
      users: config.features.itemUsers
        ? this.graph.input(ITEM_USERS, 'float32', [candidates, config.model.dimension])
        : null,
    };
  }

  users(tokens: Tensor | null) {
    return this.usersOf('', this.size.users, this.size.length, tokens);
  }

  /** Inputs of the user tower, names with a prefix. */
  usersOf(prefix: string, count: number, length: number, tokens: Tensor | null) {
    const { graph, userRows, shape } = this;
    const rows = graph.gather(this.itemRows, this.int64(`${prefix}history`, [count, length]));
    const withContent = tokens
      ? graph.add(rows, graph.gather(tokens, this.int64(`${prefix}historyItems`, [count, length])))
      : rows;
    return {
      tokens: withContent,
      present: graph.input(`${prefix}present`, 'float32', [count, length]),
      userRow: userRows ? graph.gather(userRows, this.int64(`${prefix}user`, [count])) : null,
      profile: readsProfile(shape) ? this.int64(`${prefix}profile`, [count, shape.userLayout.width]) : null,
    };
  }
}

function candidateVectors(
  scope: TrainingScope,
  shape: ModelShape,
  size: PartSize,
  inputs: PartInputs,
  content: ItemContentInputs,
): Tensor {
  const { graph } = scope;
  const masks = shape.config.mask.itemId > 0;
  const ids = masks || !size.full ? inputs.int64('candidateIds', [size.candidates]) : null;
  const idRows = ids ? graph.gather(inputs.itemRows, ids) : inputs.itemRows;
  if (size.full || (!content.fields && !content.users)) return itemVectors(scope, shape, idRows, content);
  const fields = content.fields && graph.gather(content.fields, inputs.int64('candidateRows', [size.candidates]));
  return itemVectors(scope, shape, idRows, { fields, users: content.users });
}

/** Of several vectors [N, K, D] of each query the one nearest to its target [N, D] (ComiRec's hard routing), [N, D]. */
function nearestToTarget(graph: Graph, users: Tensor, targets: Tensor): Tensor {
  const [count, interests, dimension] = users.shape as [number, number, number];
  if (interests === 1) return graph.reshape(users, [count, dimension]);
  const scores = graph.stopGradient(
    graph.reshape(graph.matmul(users, graph.reshape(targets, [count, dimension, 1])), [count, interests]),
  );
  const best = graph.cast(graph.greaterOrEqual(scores, graph.reduceMax(scores, [1], true)), 'float32');
  const shares = graph.div(best, graph.reduceSum(best, [1], true));
  return graph.reshape(graph.matmul(graph.reshape(shares, [count, 1, interests]), users), [count, dimension]);
}

/** The normalised mean of several vectors, [N, D]. */
function meanVector(graph: Graph, users: Tensor): Tensor {
  const [count, interests, dimension] = users.shape as [number, number, number];
  if (interests === 1) return graph.reshape(users, [count, dimension]);
  return graph.l2Normalize(graph.reduceMean(users, [1]));
}

interface PairContext {
  readonly users: Tensor;
  readonly candidates: Tensor;
  readonly target: Tensor;
  readonly tokens: Tensor | null;
  readonly losses: Map<LossName, Tensor>;
}

/** Losses over the step's (user, item) pairs: users for each item, and the agreement of two views of each. */
function pairLosses(scope: TrainingScope, shape: ModelShape, inputs: PartInputs, context: PairContext): void {
  const { graph } = scope;
  const { config } = shape;
  const { pairs, viewLength } = inputs.size;
  const { users, candidates, target, tokens, losses } = context;
  const rows = inputs.int64('pairs', [pairs]);
  const pairItems = graph.gather(candidates, graph.gather(target, rows));
  const chosen = graph.gather(users, rows);
  const share = graph.input('pairShare', 'float32', []);
  const counted = (loss: Tensor, weight: number) => graph.mul(loss, graph.mul(share, graph.scalar(weight)));

  const { userUser, itemItem, itemToUser, view } = config.mic;
  if (itemToUser.weight > 0) {
    const loss = softmaxLoss(graph, {
      queries: pairItems,
      candidates: nearestToTarget(graph, chosen, pairItems),
      target: graph.constant(
        BigInt64Array.from({ length: pairs }, (_, i) => BigInt(i)),
        [pairs],
      ),
      weight: graph.constant(new Float32Array(pairs).fill(1 / pairs), [pairs]),
      bias: graph.input('pairUserBias', 'float32', [1, pairs]),
      seen: graph.input('pairUserSeen', 'bool', [pairs, 1, pairs]),
      temperature: config.softmax.temperature,
      largestBias: LARGEST_BIAS,
    });
    losses.set('itemToUser', counted(loss, itemToUser.weight));
  }
  if (inputs.size.mined) {
    losses.set(
      'mined',
      counted(minedLoss(scope, inputs, meanVector(graph, chosen), pairItems), config.mic.mined.weight),
    );
  }
  if (userUser.weight > 0) {
    const seen = inputs.usersOf('view:', pairs, viewLength, tokens);
    const perturbed = { ...seen, tokens: scope.dropout(seen.tokens, view.dropout) };
    const other = meanVector(graph, userVectors(scope, shape, perturbed, 'last'));
    const loss = ntXentLoss(graph, meanVector(graph, chosen), other, {
      bias: graph.input('userViewBias', 'float32', [1, 2 * pairs]),
      barred: graph.input('userViewSame', 'bool', [2 * pairs, 2 * pairs]),
      temperature: userUser.temperature,
      largestBias: LARGEST_BIAS,
    });
    losses.set('userUser', counted(loss, userUser.weight));
  }
  if (itemItem.weight > 0) {
    const idRows = graph.gather(inputs.itemRows, inputs.int64('view:item', [pairs]));
    const { dimension } = config.model;
    const content = {
      fields: readsItemFields(shape) ? inputs.int64('view:itemFields', [pairs, shape.itemLayout.width]) : null,
      users: config.features.itemUsers ? graph.input('view:itemUsers', 'float32', [pairs, dimension]) : null,
    };
    const other = itemVectors(scope, shape, scope.dropout(idRows, view.dropout), content);
    const loss = ntXentLoss(graph, pairItems, other, {
      bias: graph.input('itemViewBias', 'float32', [1, 2 * pairs]),
      barred: graph.input('itemViewSame', 'bool', [2 * pairs, 2 * pairs]),
      temperature: itemItem.temperature,
      largestBias: LARGEST_BIAS,
    });
    losses.set('itemItem', counted(loss, itemItem.weight));
  }
}

/** Both sides of the pairs against what was mined for them; the pair itself is right both ways. */
function minedLoss(scope: ModelScope, { graph, shape, size }: PartInputs, users: Tensor, items: Tensor): Tensor {
  const { dimension } = shape.config.model;
  const bank = (name: string): Tensor => graph.input(`mined:${name}`, 'float32', [size.pairs, dimension]);
  const pair: Partial<Record<Relation, Tensor>> = { userItem: items, itemUser: users };
  return minedBce(
    scope,
    RELATIONS.map((name) => ({
      name,
      anchors: name.startsWith('user') ? users : items,
      positives: [bank(`${name}:positive`), ...(pair[name] ? [pair[name]] : [])],
      negatives: [bank(`${name}:negative`)],
    })),
  );
}
