import { MicError, Random, type HistoryTable } from '@mic/domain';
import { fullSignature, layoutOf, type FeatureSchema, type TowerSignature } from '@mic/features';
import { fitSchedule } from '../config/fit-schedule';
import type { TrainingConfig } from '../config/training-config';
import type { EncodedFields } from '../data/encoded-fields';
import { ItemUserLists } from '../data/item-user-lists';
import { PartAssembler, type IdTables } from '../data/part-assembler';
import { eventWindows, windowsOf, type StepWindows } from '../data/windows';
import { ENCODERS } from '../model/encoders';
import { exportItemTower, exportUserTower, vectorsPerUser } from '../model/export-towers';
import type { ModelShape } from '../model/model';
import { ParameterStore, type Parameter } from '../model/parameters';
import { MinedPairs } from '../mining/mined-pairs';
import type { Checkpoint } from '../run/checkpoint';
import { encodeItems, encodeUsers, meanUserVectors } from '../tower-encoder';
import { LazyAdam } from './adam';
import { GradientSum } from './gradient-sum';
import { learningRateAt } from './learning-rate';
import { openExecutor, type PartExecutor } from './part-executor';
import type { DropoutPools, PreparedPart } from './part-runner';
import { dropoutOffsets, dropoutPools, PARTS, StepModels } from './step-models';

/** Streams of a run's random numbers. */
const STREAMS = {
  parameters: 1,
  tables: 2,
  pools: 4,
  epochs: 1_000,
  parts: 1_000_000,
  lists: 2_000_000_000,
  mining: 3_000_000_000,
};
/** Steps between two draws of the items' user lists. */
const LISTS_EVERY = 400;

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
  readonly #config: TrainingConfig;
  readonly #seed: number;
  readonly #shape: ModelShape;
  readonly #histories: HistoryTable;
  readonly #fields: EncodedFields;
  readonly #store: ParameterStore;
  readonly #tables: { readonly users: LazyAdam; readonly items: LazyAdam };
  readonly #lists: ItemUserLists | null;
  readonly #assembler: PartAssembler;
  readonly #models: StepModels;
  readonly #dense = new Map<string, LazyAdam>();
  readonly #sum: GradientSum;
  readonly #executor: PartExecutor;
  readonly #pools: DropoutPools;
  #mined: MinedPairs | null = null;
  #step = 0;

  constructor(
    histories: HistoryTable,
    schema: FeatureSchema,
    fields: EncodedFields,
    given: TrainingConfig,
    seed: number,
  ) {
    const config = fitSchedule(given, histories.itemRows.length);
    this.#config = config;
    this.#seed = seed;
    this.#histories = histories;
    this.#fields = fields;
    this.#shape = { config, userLayout: layoutOf(schema.userFields), itemLayout: layoutOf(schema.itemFields) };
    const all = ENCODERS[config.encoder].positions === 'all';
    const { longestHistory, dimension } = config.model;
    const windows = all ? windowsOf(histories, longestHistory, config.loop.windows) : eventWindows(histories);
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
    this.#assembler = new PartAssembler(histories, fields, this.#shape, tables, this.#lists, windows);
    this.#models = new StepModels(this.#shape, windows, histories.itemCount, this.#store);
    const { perEpoch } = this.#models;
    const { epochs, maxSteps } = config.loop;
    this.steps = maxSteps > 0 ? Math.min(maxSteps, perEpoch * epochs) : perEpoch * epochs;
    this.epochs = Math.ceil(this.steps / perEpoch);
    this.#sum = new GradientSum(histories.userCount + 1, histories.itemCount + 1, dimension);
    for (const name of this.#store.names) {
      const { values } = this.#store.get(name);
      this.#dense.set(name, new LazyAdam(values, values.length, config.optimiser));
    }
    this.#pools = dropoutPools(this.#models.all, () => this.#random(STREAMS.pools));
    const parameters = Object.fromEntries(this.#store.names.map((name) => [name, this.#store.get(name)]));
    this.#executor = openExecutor({ models: this.#models.all, parameters, pools: this.#pools }, config.loop.workers);
  }

  /** The configuration with everything filled in. */
  get config(): TrainingConfig {
    return this.#config;
  }

  /** Steps made so far. */
  get step(): number {
    return this.#step;
  }

  /** Trains what is left of one epoch (from 0), and of the steps. */
  async trainEpoch(epoch: number, onStep: (report: StepReport) => void | Promise<void>): Promise<void> {
    let done = this.#step - epoch * this.#models.perEpoch;
    for (const step of this.#models.epoch(this.#random(STREAMS.epochs, epoch))) {
      if (done-- > 0) continue;
      if (this.#step >= this.steps) return;
      await onStep(await this.#trainStep(step));
    }
  }

  /** Everything that the next step depends on, by name; not copied. */
  snapshot(): { readonly arrays: Record<string, Float32Array>; readonly bytes: Record<string, Uint8Array> } {
    const arrays: Record<string, Float32Array> = {};
    for (const [name, adam] of this.#adams()) {
      const { values, first, second } = adam.state();
      Object.assign(arrays, { [name]: values, [`${name}~first`]: first, [`${name}~second`]: second });
    }
    if (this.#lists) arrays['item-users'] = this.#lists.table;
    return { arrays, bytes: this.#mined?.state() ?? {} };
  }

  /** Goes on from a snapshot of a run of the same data, configuration and seed. */
  restore({ step, arrays, bytes }: Pick<Checkpoint, 'step' | 'arrays' | 'bytes'>): void {
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
    this.#mined = MinedPairs.restore(bytes, this.#config.model.dimension, this.#config.mic.mined);
    if (!this.#lists || step === 0) return;
    const drawn = Math.floor((step - 1) / LISTS_EVERY) * LISTS_EVERY;
    const rows = array('item-users', this.#tables.users.values.length);
    this.#lists.refresh(rows, this.#random(STREAMS.lists, drawn));
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
    const mines = mic.enabled && mic.mined.weight > 0;
    if (mines && this.#step > 0 && this.#step % mic.mined.everySteps === 0) this.#mined = await this.#mine();
    const withMic = mic.enabled && this.#step % mic.every === 0;
    const model = this.#models.indexOf({ length: step.length, mic: withMic, mined: withMic && this.#mined !== null });
    const { size, losses: names, parameters } = this.#models.all[model]!;
    const targets = step.windows.reduce((sum, { from, to }) => sum + to - from, 0);
    this.#sum.reset();
    const prepared: PreparedPart[] = [];
    const rows: Parameters<GradientSum['add']>[2][] = [];
    for (let part = 0; part < PARTS; part++) {
      const windows = step.windows.slice(part * size.users, (part + 1) * size.users);
      if (windows.length === 0) break;
      const random = this.#random(STREAMS.parts, this.#step * PARTS + part);
      const share = 1 / Math.min(PARTS, Math.ceil(step.windows.length / size.users));
      const made = this.#assembler.assemble({
        windows,
        size,
        targetWeight: 1 / targets,
        share,
        random,
        mined: this.#mined,
      });
      rows.push({ users: made.userRows.slice(), items: made.itemRows.slice(), shortLists: made.shortLists });
      prepared.push({
        model,
        feeds: made.feeds,
        dropoutOffsets: dropoutOffsets(this.#models.all[model]!, this.#pools, random),
      });
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
    this.#tables.users.update(users.rows, users.values, rate, this.#step);
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
      signature: fullSignature({
        encoder: this.#config.encoder,
        dimension,
        idDimension: dimension,
        itemIdDimension: dimension,
        vectorsPerUser: vectorsPerUser(this.#shape),
        longestHistory,
        profileWidth: this.#shape.userLayout.width,
        itemFieldsWidth: this.#shape.itemLayout.width,
        maskedUserRow: [...users.subarray(0, dimension)],
        maskedItemRow: [...items.subarray(0, dimension)],
      }),
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

  /** Mines pairs from the model as it stands. */
  async #mine(): Promise<MinedPairs> {
    const weights = await this.weights();
    const inputs = { ...weights, ...this.#fields, histories: this.#histories };
    const { dimension, vectorsPerUser: perUser } = weights.signature;
    const users = await encodeUsers(weights.userTower, inputs);
    const items = await encodeItems(weights.itemTower, inputs);
    const means = meanUserVectors(users, this.#histories.userCount, perUser, dimension);
    const random = this.#random(STREAMS.mining, this.#step);
    return MinedPairs.mine(means, items, dimension, this.#config.mic.mined, random);
  }
}

/** A dense parameter is one row. */
const ONLY_ROW = Uint32Array.of(0);

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
