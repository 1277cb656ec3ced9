import { MicError, Random, type HistoryTable } from '@mic/domain';
import { layoutOf, type FeatureSchema, type TowerSignature } from '@mic/features';
import { OnnxSession } from '@mic/onnx-tower';
import { LazyAdam } from './adam';
import { BatchAssembler, pairsOf, type EncodedFields } from './batch-assembler';
import { initialParameters, type DenseParameter } from './dense-parameters';
import { exportItemTower, exportUserTower } from './export-towers';
import { learningRateAt } from './learning-rate';
import { gradientOf, ITEM_ROWS_GRADIENT, stepModel, USER_ROWS_GRADIENT } from './step-graph';
import type { TowerShape } from './tower-graph';
import type { TrainingConfig } from './training-config';
import type { UniqueRows } from './unique-rows';

/** A pair of tables of id rows; row 0 of each is the mask row, row r + 1 belongs to data row r. */
interface IdTables {
  readonly users: LazyAdam;
  readonly items: LazyAdam;
}

export interface StepProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  /** Mean loss of the steps since the last report. */
  readonly loss: number;
}

/** Towers and id rows as they stand: what a model folder holds of the weights. */
export interface TrainedWeights {
  readonly signature: TowerSignature;
  readonly userRows: Float32Array;
  readonly itemRows: Float32Array;
  readonly userTower: Uint8Array;
  readonly itemTower: Uint8Array;
}

/** Steps between two progress reports. */
const REPORT_EVERY = 10;

/**
 * The training loop of the pooled two-tower model: one ONNX run a step, lazy Adam outside of it. Everything random comes
 * from the seed, so that the same data, configuration and seed give the same weights on one machine.
 */
export class Trainer {
  readonly steps: number;
  readonly epochs: number;
  readonly #config: TrainingConfig;
  readonly #shape: TowerShape;
  readonly #random: Random;
  readonly #histories: HistoryTable;
  readonly #parameters: Map<string, DenseParameter>;
  readonly #dense: Map<string, LazyAdam>;
  readonly #tables: IdTables;
  readonly #batchSize: number;
  readonly #events: Uint32Array;
  readonly #assembler: BatchAssembler;
  #session: OnnxSession | null = null;
  #step = 0;

  constructor(
    histories: HistoryTable,
    schema: FeatureSchema,
    fields: EncodedFields,
    config: TrainingConfig,
    seed: number,
  ) {
    const pairs = pairsOf(histories);
    if (pairs.events.length < 16) {
      throw new MicError('FAILED_PRECONDITION', `${pairs.events.length} events are too few to train on`, {
        remedy: 'give at least 16 events; a useful model wants thousands',
      });
    }
    this.#config = config;
    this.#random = new Random(seed);
    this.#histories = histories;
    this.#shape = {
      ...config,
      userLayout: layoutOf(schema.userFields),
      itemLayout: layoutOf(schema.itemFields),
    };
    this.#parameters = initialParameters(this.#shape, config.recency, seed);
    this.#dense = new Map(
      [...this.#parameters].map(([name, { values }]) => [name, new LazyAdam(values, values.length, config)]),
    );
    this.#tables = { users: this.#table(histories.userCount), items: this.#table(histories.itemCount) };
    this.#events = pairs.events;
    this.#batchSize = Math.min(config.batchSize, Math.max(8, Math.floor(pairs.events.length / 8)));
    this.#assembler = new BatchAssembler(histories, pairs, fields, config, this.#batchSize, this.#random);
    const perEpoch = Math.floor(this.#events.length / this.#batchSize);
    this.steps = config.maxSteps > 0 ? Math.min(config.maxSteps, perEpoch * config.epochs) : perEpoch * config.epochs;
    this.epochs = Math.ceil(this.steps / perEpoch);
  }

  /** Steps made so far. */
  get step(): number {
    return this.#step;
  }

  /** Trains one epoch, or what is left of the steps; gives its mean loss. */
  async trainEpoch(epoch: number, onProgress: (progress: StepProgress) => void): Promise<number> {
    const session = (this.#session ??= await this.#openSession());
    this.#random.shuffle(this.#events);
    const size = this.#batchSize;
    let [sum, count, reported, since] = [0, 0, 0, 0];
    for (let at = 0; at + size <= this.#events.length && this.#step < this.steps; at += size) {
      const loss = await this.#trainStep(session, this.#events.subarray(at, at + size));
      sum += loss;
      count++;
      reported += loss;
      since++;
      if (since === REPORT_EVERY || this.#step === this.steps) {
        onProgress({ step: this.#step, steps: this.steps, epoch, loss: reported / since });
        [reported, since] = [0, 0];
      }
    }
    return sum / Math.max(1, count);
  }

  /** The towers and id rows as they stand. Rows that no training event touches become the mask row. */
  weights(): TrainedWeights {
    const { idDimension } = this.#config;
    const users = this.#tables.users.values.slice();
    const items = this.#tables.items.values.slice();
    replaceUntrained(users, idDimension, countRows(this.#histories, 'users'));
    replaceUntrained(items, idDimension, countRows(this.#histories, 'items'));
    return {
      signature: {
        formatVersion: 1,
        dimension: this.#config.dimension,
        idDimension,
        vectorsPerUser: 1,
        longestHistory: this.#config.longestHistory,
        profileWidth: this.#shape.userLayout.width,
        itemFieldsWidth: this.#shape.itemLayout.width,
        maskedUserRow: [...users.subarray(0, idDimension)],
        maskedItemRow: [...items.subarray(0, idDimension)],
      },
      userRows: users.slice(idDimension),
      itemRows: items.slice(idDimension),
      userTower: exportUserTower(this.#shape, this.#parameters, items),
      itemTower: exportItemTower(this.#shape, this.#parameters),
    };
  }

  /** What is being trained, as it stands; the tables have the mask row first. */
  state(): {
    readonly parameters: ReadonlyMap<string, DenseParameter>;
    readonly userTable: Float32Array;
    readonly itemTable: Float32Array;
  } {
    const { users, items } = this.#tables;
    return { parameters: this.#parameters, userTable: users.values, itemTable: items.values };
  }

  async close(): Promise<void> {
    await this.#session?.close();
    this.#session = null;
  }

  async #openSession(): Promise<OnnxSession> {
    const model = stepModel({
      shape: this.#shape,
      parameters: this.#parameters,
      batchSize: this.#batchSize,
      itemUsers: this.#config.itemUsers,
      temperature: this.#config.temperature,
      largestCorrection: this.#assembler.largestCorrection,
    });
    return OnnxSession.open(model, { name: 'training step' });
  }

  async #trainStep(session: OnnxSession, events: Uint32Array): Promise<number> {
    const { feeds, userRows, itemRows } = this.#assembler.assemble(events);
    for (const [name, { values, shape }] of this.#parameters) feeds[name] = { data: values, dims: shape };
    const width = this.#config.idDimension;
    const rows = (unique: UniqueRows, table: LazyAdam) => ({
      data: unique.gather(table.values, width),
      dims: [unique.rows.length, width],
    });
    feeds.userRows = rows(userRows, this.#tables.users);
    feeds.itemRows = rows(itemRows, this.#tables.items);
    const results = await session.run(feeds);
    const loss = (results.loss!.data as Float32Array)[0]!;
    if (!Number.isFinite(loss)) {
      throw new MicError('ABORTED', `the loss is ${loss} at step ${this.#step + 1}: training has diverged`, {
        remedy: 'lower learningRate, raise temperature or warmUpSteps (--set learningRate=0.001)',
      });
    }
    const gradient = (name: string): Float32Array => results[name]!.data as Float32Array;
    const rate = learningRateAt(this.#step, this.steps, this.#config);
    const step = ++this.#step;
    this.#tables.users.update(userRows.rows, gradient(USER_ROWS_GRADIENT), rate, step);
    this.#tables.items.update(itemRows.rows, gradient(ITEM_ROWS_GRADIENT), rate, step);
    for (const [name, adam] of this.#dense) adam.update(ONLY_ROW, gradient(gradientOf(name)), rate, step);
    return loss;
  }

  #table(rows: number): LazyAdam {
    const { idDimension, initialScale } = this.#config;
    const values = Float32Array.from({ length: (rows + 1) * idDimension }, () => this.#random.normal() * initialScale);
    return new LazyAdam(values, idDimension, this.#config);
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
