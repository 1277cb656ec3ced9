import { MicError, Random, type HistoryTable } from '@mic/domain';
import { layoutOf, type FeatureSchema, type TowerSignature } from '@mic/features';
import type { TrainingConfig } from '../config/training-config';
import type { EncodedFields } from '../data/encoded-fields';
import { ItemUserLists } from '../data/item-user-lists';
import { PartAssembler, type IdTables } from '../data/part-assembler';
import {
  bucketOf,
  epochSteps,
  eventWindows,
  windowsByLength,
  windowsOf,
  type StepWindows,
  type WindowTable,
} from '../data/windows';
import { ENCODERS } from '../model/encoders';
import { exportItemTower, exportUserTower, vectorsPerUser } from '../model/export-towers';
import type { ModelShape } from '../model/model';
import { ParameterStore, type Parameter } from '../model/parameters';
import { LazyAdam } from './adam';
import { GradientSum } from './gradient-sum';
import { learningRateAt } from './learning-rate';
import { openExecutor, type PartExecutor } from './part-executor';
import type { DropoutPools, PreparedPart } from './part-runner';
import { queriesOf, stepModel, type PartSize, type StepModel } from './step-graph';

/** Parts of a step: what the threads share out. Fixed, so that the result does not depend on their number. */
const PARTS = 2;
/** Streams of a run's random numbers. */
const STREAMS = { parameters: 1, tables: 2, pools: 4, epochs: 1_000, parts: 1_000_000, lists: 2_000_000_000 };
/** Steps between two draws of the items' user lists. */
const LISTS_EVERY = 400;
/** Values that dropout masks are stretches of. */
const POOL_SIZE = 2 ** 22;

/** What a step did. */
export interface StepReport {
  readonly step: number;
  /** Weighted losses by name. */
  readonly losses: Readonly<Record<string, number>>;
  /** Wall time of its parts, milliseconds. */
  readonly millis: StepMillis;
}

/** Where the time of a step went. */
export interface StepMillis {
  /** Drawing candidates and views, gathering rows. */
  readonly prepare: number;
  /** Forward and backward pass of all parts. */
  readonly run: number;
  /** Adding up gradients, Adam. */
  readonly update: number;
}

/** Towers and id rows as they stand: what a model folder holds of the weights. */
export interface TrainedWeights {
  readonly signature: TowerSignature;
  readonly userRows: Float32Array;
  readonly itemRows: Float32Array;
  readonly userTower: Uint8Array;
  readonly itemTower: Uint8Array;
  /** Dense parameters by name: what a later run can start from. */
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/**
 * The training loop of any encoder: a step is two parts, each one ONNX run of the forward and backward pass; their
 * gradients are added in fixed order, and (lazy) Adam moves the parameters. Everything random follows from the seed and
 * the number of the step: the same data, configuration and seed give the same weights, on one thread or two.
 */
export class Trainer {
  /** Steps of the whole run. */
  readonly steps: number;
  readonly epochs: number;
  readonly #perEpoch: number;
  readonly #config: TrainingConfig;
  readonly #seed: number;
  readonly #shape: ModelShape;
  readonly #histories: HistoryTable;
  readonly #fields: EncodedFields;
  readonly #windows: WindowTable;
  readonly #byLength: ReadonlyMap<number, number>;
  readonly #store: ParameterStore;
  readonly #tables: { readonly users: LazyAdam; readonly items: LazyAdam };
  readonly #lists: ItemUserLists | null;
  readonly #assembler: PartAssembler;
  readonly #models: StepModel[] = [];
  readonly #modelOf = new Map<string, number>();
  readonly #dense = new Map<string, LazyAdam>();
  readonly #sum: GradientSum;
  readonly #executor: PartExecutor;
  readonly #pools: DropoutPools;
  #step = 0;

  constructor(
    histories: HistoryTable,
    schema: FeatureSchema,
    fields: EncodedFields,
    config: TrainingConfig,
    seed: number,
  ) {
    this.#config = config;
    this.#seed = seed;
    this.#histories = histories;
    this.#fields = fields;
    this.#shape = { config, userLayout: layoutOf(schema.userFields), itemLayout: layoutOf(schema.itemFields) };
    const all = ENCODERS[config.encoder].positions === 'all';
    const { longestHistory, dimension } = config.model;
    this.#windows = all ? windowsOf(histories, longestHistory, config.loop.windows) : eventWindows(histories);
    this.#byLength = windowsByLength(this.#windows, (targets) => this.#lengthOf(targets));
    if (histories.itemRows.length < 16) {
      throw new MicError('FAILED_PRECONDITION', `${histories.itemRows.length} events are too few to train on`, {
        remedy: 'give at least 16 events; a useful model wants thousands',
      });
    }
    this.#store = new ParameterStore(seed);
    this.#tables = {
      users: this.#table(config.features.userId || config.features.itemUsers ? histories.userCount : 0, 0),
      items: this.#table(histories.itemCount, 1),
    };
    const tables: IdTables = { users: this.#tables.users.values, items: this.#tables.items.values };
    this.#lists = config.features.itemUsers ? new ItemUserLists(histories, dimension) : null;
    this.#assembler = new PartAssembler(histories, fields, this.#shape, tables, this.#lists, this.#windows);
    const perEpoch = [...this.#byLength].reduce(
      (steps, [length, windows]) => steps + Math.ceil(windows / (PARTS * this.#usersOf(length))),
      0,
    );
    const { epochs, maxSteps } = config.loop;
    this.steps = maxSteps > 0 ? Math.min(maxSteps, perEpoch * epochs) : perEpoch * epochs;
    this.epochs = Math.ceil(this.steps / perEpoch);
    this.#perEpoch = perEpoch;
    this.#buildModels();
    this.#sum = new GradientSum(histories.userCount + 1, histories.itemCount + 1, dimension);
    for (const name of this.#store.names) {
      const { values } = this.#store.get(name);
      this.#dense.set(name, new LazyAdam(values, values.length, config.optimiser));
    }
    this.#pools = this.#dropoutPools();
    const parameters = Object.fromEntries(this.#store.names.map((name) => [name, this.#store.get(name)]));
    this.#executor = openExecutor({ models: this.#models, parameters, pools: this.#pools }, config.loop.workers);
  }

  /** Steps made so far. */
  get step(): number {
    return this.#step;
  }

  /** Trains what is left of one epoch (from 0), and of the steps. */
  async trainEpoch(epoch: number, onStep: (report: StepReport) => void | Promise<void>): Promise<void> {
    let done = this.#step - epoch * this.#perEpoch;
    for (const step of this.#epoch(epoch)) {
      if (done-- > 0) continue;
      if (this.#step >= this.steps) return;
      await onStep(await this.#trainStep(step));
    }
  }

  /** Everything that the next step depends on, by name; not copied. */
  snapshot(): Record<string, Float32Array> {
    const arrays: Record<string, Float32Array> = {};
    for (const [name, adam] of this.#adams()) {
      const { values, first, second } = adam.state();
      Object.assign(arrays, { [name]: values, [`${name}~first`]: first, [`${name}~second`]: second });
    }
    if (this.#lists) arrays['item-users'] = this.#lists.means;
    return arrays;
  }

  /** Goes on from a snapshot of a run of the same data, configuration and seed. @param step steps that it had made. */
  restore(step: number, arrays: Readonly<Record<string, Float32Array>>): void {
    const array = (name: string, length: number): Float32Array => {
      const values = arrays[name];
      if (values?.length === length) return values;
      throw new MicError('FAILED_PRECONDITION', `the checkpoint is of another run: ${name} does not fit`, {
        remedy: 'go on with the data that the run was started with, or begin again with --restart',
      });
    };
    for (const [name, adam] of this.#adams()) {
      const { length } = adam.values;
      const [values, first, second] = ['', '~first', '~second'].map((part) => array(name + part, length));
      adam.restore({ values: values!, first: first!, second: second! });
    }
    this.#step = step;
    if (!this.#lists || step === 0) return;
    const drawn = Math.floor((step - 1) / LISTS_EVERY) * LISTS_EVERY;
    this.#lists.refresh(this.#tables.users.values, this.#random(STREAMS.lists, drawn));
    this.#lists.means.set(array('item-users', this.#lists.means.length));
  }

  #adams(): [name: string, adam: LazyAdam][] {
    return [
      ['user-rows', this.#tables.users],
      ['item-rows', this.#tables.items],
      ...[...this.#dense].map(([name, adam]): [string, LazyAdam] => [`dense ${name}`, adam]),
    ];
  }

  async #trainStep(step: StepWindows): Promise<StepReport> {
    const started = performance.now();
    if (this.#lists && this.#step % LISTS_EVERY === 0) {
      this.#lists.refresh(this.#tables.users.values, this.#random(STREAMS.lists, this.#step));
    }
    const { mic, optimiser } = this.#config;
    const model = this.#modelOf.get(modelKey(step.length, mic.enabled && this.#step % mic.every === 0))!;
    const { size, losses: names, parameters } = this.#models[model]!;
    const targets = step.windows.reduce((sum, { from, to }) => sum + to - from, 0);
    this.#sum.reset();
    const prepared: PreparedPart[] = [];
    const rows: { users: Uint32Array; items: Uint32Array }[] = [];
    for (let part = 0; part < PARTS; part++) {
      const windows = step.windows.slice(part * size.users, (part + 1) * size.users);
      if (windows.length === 0) break;
      const random = this.#random(STREAMS.parts, this.#step * PARTS + part);
      const share = 1 / Math.min(PARTS, Math.ceil(step.windows.length / size.users));
      const made = this.#assembler.assemble({ windows, size, targetWeight: 1 / targets, share, random });
      rows.push({ users: made.userRows.slice(), items: made.itemRows.slice() });
      prepared.push({ model, feeds: made.feeds, dropoutOffsets: this.#dropoutOffsets(model, random) });
    }
    const prepareEnd = performance.now();
    const results = await this.#executor.run(prepared);
    const runEnd = performance.now();
    const losses = Object.fromEntries(names.map((name) => [name, 0]));
    results.forEach((result, part) => {
      names.forEach((name, i) => (losses[name]! += result.losses[i]!));
      this.#sum.add(result, parameters, rows[part]!);
    });
    this.#checkFinite(losses);
    const rate = learningRateAt(this.#step, this.steps, optimiser);
    this.#step++;
    this.#sum.clip(optimiser.clip);
    const { users, items } = this.#sum;
    this.#tables.items.update(items.rows, items.values, rate, this.#step);
    if (this.#config.features.userId) this.#tables.users.update(users.rows, users.values, rate, this.#step);
    for (const [name, gradient] of this.#sum.parameters) {
      this.#dense.get(name)!.update(ONLY_ROW, gradient, rate, this.#step);
    }
    const millis = {
      prepare: prepareEnd - started,
      run: runEnd - prepareEnd,
      update: performance.now() - runEnd,
    };
    return { step: this.#step, losses, millis };
  }

  #checkFinite(losses: Readonly<Record<string, number>>): void {
    const broken = Object.entries(losses).find(([, loss]) => !Number.isFinite(loss));
    if (!broken) return;
    throw new MicError(
      'ABORTED',
      `the loss ${broken[0]} is ${broken[1]} at step ${this.#step + 1}: training diverged`,
      {
        remedy:
          'lower the learning rate (--set optimiser.learningRate=0.001), clip gradients (--set optimiser.clip=1), or ' +
          'raise softmax.temperature',
      },
    );
  }

  /** The towers and id rows as they stand. Rows that no training event touches become the mask row. */
  async weights(): Promise<TrainedWeights> {
    const { dimension, longestHistory } = this.#config.model;
    const items = this.#tables.items.values.slice();
    const users =
      this.#tables.users.values.length > dimension
        ? this.#tables.users.values.slice()
        : new Float32Array((this.#histories.userCount + 1) * dimension);
    replaceUntrained(users, dimension, countRows(this.#histories, 'users'));
    replaceUntrained(items, dimension, countRows(this.#histories, 'items'));
    return {
      signature: {
        formatVersion: 1,
        dimension,
        idDimension: dimension,
        vectorsPerUser: vectorsPerUser(this.#shape),
        longestHistory,
        profileWidth: this.#shape.userLayout.width,
        itemFieldsWidth: this.#shape.itemLayout.width,
        maskedUserRow: [...users.subarray(0, dimension)],
        maskedItemRow: [...items.subarray(0, dimension)],
      },
      userRows: users.slice(dimension),
      itemRows: items.slice(dimension),
      userTower: await exportUserTower(this.#shape, this.#store, items, this.#fields),
      itemTower: exportItemTower(this.#shape, this.#store),
      parameters: Object.fromEntries(
        this.#store.names.map((name) => {
          const { shape, values } = this.#store.get(name);
          return [name, { shape, values: new Float32Array(values) }];
        }),
      ),
    };
  }

  /** What is being trained, as it stands; the tables have the mask row first. */
  state(): { readonly shape: ModelShape; readonly store: ParameterStore; readonly tables: IdTables } {
    const { users, items } = this.#tables;
    return { shape: this.#shape, store: this.#store, tables: { users: users.values, items: items.values } };
  }

  async close(): Promise<void> {
    await this.#executor.close();
  }

  #random(stream: number, index = 0): Random {
    return new Random(this.#seed, stream + index);
  }

  #table(rows: number, table: number): LazyAdam {
    const { dimension, initialScale } = this.#config.model;
    const random = this.#random(STREAMS.tables, table * 100);
    const values = Float32Array.from({ length: (rows + 1) * dimension }, () => random.normal() * initialScale);
    return new LazyAdam(values, dimension, this.#config.optimiser);
  }

  #epoch(epoch: number): Generator<StepWindows> {
    return epochSteps(
      this.#windows,
      (targets) => this.#lengthOf(targets),
      (length) => PARTS * this.#usersOf(length),
      this.#random(STREAMS.epochs, epoch),
    );
  }

  #lengthOf(targets: number): number {
    const { longestHistory } = this.#config.model;
    return ENCODERS[this.#config.encoder].positions === 'all' ? bucketOf(targets, longestHistory) : longestHistory;
  }

  /** Users of a part, so that the parts of a step have `batchTargets` targets; fewer where there are few windows. */
  #usersOf(length: number): number {
    const perUser = ENCODERS[this.#config.encoder].positions === 'all' ? length : 1;
    const wanted = Math.floor(this.#config.loop.batchTargets / (PARTS * perUser));
    const most = Math.ceil(this.#windows.length / (4 * PARTS));
    return Math.max(1, Math.min(wanted, most));
  }

  /** The graphs of all lengths that occur, with and without the losses over second views. */
  #buildModels(): void {
    const { mic, softmax } = this.#config;
    const items = this.#histories.itemCount;
    const full = softmax.candidates === 'full' || (softmax.candidates === 'auto' && items <= softmax.fullBelow);
    for (const length of [...this.#byLength.keys()].sort((a, b) => b - a)) {
      for (const views of mic.enabled ? (mic.every > 1 ? [true, false] : [true]) : [false]) {
        const users = this.#usersOf(length);
        const plain: PartSize = { users, length, candidates: 0, full, pairs: 0, viewLength: 0 };
        const queries = queriesOf(this.#shape, plain);
        const needsPairs = views || softmax.itemToUser > 0;
        const size: PartSize = {
          ...plain,
          candidates: full ? items + 1 : queries + softmax.negatives,
          pairs: needsPairs ? Math.min(queries, Math.ceil(mic.pairs / PARTS)) : 0,
          viewLength: views ? Math.min(mic.history, this.#config.model.longestHistory) : 0,
        };
        this.#modelOf.set(modelKey(length, views), this.#models.length);
        this.#models.push(stepModel(this.#shape, this.#store, size));
      }
    }
    this.#store.share();
  }

  #dropoutPools(): DropoutPools {
    const pools: Record<number, Float32Array> = {};
    for (const { dropouts } of this.#models) {
      for (const { rate, shape } of dropouts) {
        const size = Math.max(POOL_SIZE, 2 * shape.reduce((product, dim) => product * dim, 1));
        if ((pools[rate]?.length ?? 0) >= size) continue;
        const random = this.#random(STREAMS.pools);
        const pool = new Float32Array(new SharedArrayBuffer(size * 4));
        for (let i = 0; i < size; i++) pool[i] = random.next() < rate ? 0 : 1 / (1 - rate);
        pools[rate] = pool;
      }
    }
    return pools;
  }

  #dropoutOffsets(model: number, random: Random): number[] {
    return this.#models[model]!.dropouts.map(({ rate, shape }) =>
      random.below(this.#pools[rate]!.length - shape.reduce((product, dim) => product * dim, 1)),
    );
  }
}

/** A dense parameter is one row. */
const ONLY_ROW = Uint32Array.of(0);

const modelKey = (length: number, views: boolean): string => `${length}${views ? '+' : ''}`;

/** Number of events of each user or item. */
function countRows({ userCount, itemCount, offsets, itemRows }: HistoryTable, of: 'users' | 'items'): Uint32Array {
  if (of === 'users') return Uint32Array.from({ length: userCount }, (_, user) => offsets[user + 1]! - offsets[user]!);
  const counts = new Uint32Array(itemCount);
  for (const item of itemRows) counts[item]!++;
  return counts;
}

function replaceUntrained(table: Float32Array, width: number, events: Uint32Array): void {
  const mask = table.slice(0, width);
  events.forEach((count, row) => {
    if (count === 0) table.set(mask, (row + 1) * width);
  });
}
