import { Random, type HistoryTable } from '@mic/domain';
import type { FeatureSchema } from '@mic/features';
import { findTorch, torchStepMs } from './torch-step';
import { ENCODER_NAMES, parseTrainingConfig, Trainer, type EncodedFields, type EncoderName } from '@mic/training';

/** Time of a training step of one encoder. */
export interface TrainRow {
  readonly encoder: EncoderName;
  readonly users: number;
  readonly items: number;
  readonly candidates: 'full' | 'sampled';
  readonly workers: number;
  /** Medians, milliseconds; a step is the sum of its parts. */
  readonly stepMs: number;
  readonly prepareMs: number;
  readonly runMs: number;
  readonly updateMs: number;
  /** The same step in PyTorch on as many cores (the best of one thread and of all), or null where it is not installed. */
  readonly torchMs: number | null;
  /** stepMs / torchMs. */
  readonly ratio: number | null;
}

export interface TrainReport {
  /** What PyTorch says of itself, or null. */
  readonly torch: string | null;
  readonly rows: readonly TrainRow[];
  /** Step with 500k x 300k rows over step with 10k x 10k, both sampled, by encoder and workers. */
  readonly largeOverSmall: Readonly<Record<string, number>>;
}

export interface TrainBenchOptions {
  readonly steps: number;
  readonly batch: number;
  readonly encoders: readonly EncoderName[];
}

/** Tables of ids that steps are measured with, and what the softmax runs over. */
const SIZES = [
  { users: 10_000, items: 10_000, candidates: 'full' },
  { users: 10_000, items: 10_000, candidates: 'sampled' },
  { users: 500_000, items: 300_000, candidates: 'sampled' },
] as const;
const WARM_UP = 5;
/** Events of each user; the towers read as many. */
const LENGTH = 50;

/**
 * Measures training steps of every encoder, table size and number of threads in turn, each beside PyTorch's at once after
 * it, so that a noisy machine disturbs both.
 */
export async function benchTrain(options: TrainBenchOptions, onRow: (row: TrainRow) => void): Promise<TrainReport> {
  const torch = await findTorch();
  const rows: TrainRow[] = [];
  for (const size of SIZES) {
    const histories = randomHistories(size.users, size.items);
    for (const encoder of options.encoders) {
      let torchMs: number | null = null;
      for (const workers of [1, 2]) {
        const row = await measure(histories, encoder, size.candidates, workers, options);
        if (torch) {
          const { steps, batch } = options;
          const step = { encoder, ...size, full: size.candidates === 'full', threads: workers, batch, steps };
          const ms = await torchStepMs(torch.python, { ...step, warmUp: WARM_UP, length: LENGTH });
          torchMs = Math.min(ms, torchMs ?? Infinity);
        }
        rows.push({ ...row, torchMs, ratio: torchMs === null ? null : row.stepMs / torchMs });
        onRow(rows.at(-1)!);
      }
    }
  }
  return { torch: torch?.version ?? null, rows, largeOverSmall: largeOverSmall(rows) };
}

function largeOverSmall(rows: readonly TrainRow[]): Record<string, number> {
  const [small, large] = [SIZES[1], SIZES[2]];
  const stepOf = (row: TrainRow, users: number): number | undefined =>
    rows.find(
      ({ encoder, workers, candidates, users: count }) =>
        encoder === row.encoder && workers === row.workers && candidates === 'sampled' && count === users,
    )?.stepMs;
  return Object.fromEntries(
    rows
      .filter(({ users }) => users === large.users)
      .map((row) => [`${row.encoder} ${row.workers}`, stepOf(row, large.users)! / stepOf(row, small.users)!]),
  );
}

async function measure(
  histories: HistoryTable,
  encoder: EncoderName,
  candidates: 'full' | 'sampled',
  workers: number,
  { steps, batch }: TrainBenchOptions,
): Promise<Omit<TrainRow, 'torchMs' | 'ratio'>> {
  const config = parseTrainingConfig(benchConfig(batch, candidates, WARM_UP + steps, workers), [], encoder);
  const { userCount: users, itemCount: items } = histories;
  const trainer = new Trainer(histories, SCHEMA, fieldsOf(users, items), config, 1);
  const all: { prepare: number; run: number; update: number }[] = [];
  try {
    await trainer.trainEpoch(0, ({ millis }) => {
      all.push(millis);
    });
  } finally {
    await trainer.close();
  }
  const measured = all.slice(WARM_UP);
  return {
    encoder,
    users,
    items,
    candidates,
    workers,
    stepMs: median(measured.map(({ prepare, run, update }) => prepare + run + update)),
    prepareMs: median(measured.map(({ prepare }) => prepare)),
    runMs: median(measured.map(({ run }) => run)),
    updateMs: median(measured.map(({ update }) => update)),
  };
}

/** The whole method at a size that every encoder is given alike; train_step.py has the same. */
function benchConfig(batch: number, candidates: string, maxSteps: number, workers: number): object {
  return {
    model: { longestHistory: LENGTH, dimension: 64, hidden: 128, contentHidden: 128, dropout: 0.1 },
    features: { userId: true, profile: true, itemFields: true, itemUsers: false },
    mask: { userId: 0.1, itemId: 0.05, historyId: 0.05 },
    softmax: { candidates, negatives: 512, maskSeen: true },
    mic: { enabled: true, pairs: batch, history: LENGTH, itemToUser: { weight: 0.5 } },
    loop: { batchTargets: batch, maxSteps, workers },
  };
}

/** One categorical field of users and of items. */
const VALUES = 100;
const vocabulary = Array.from({ length: VALUES }, (_, value) => `v${value}`);
const SCHEMA: FeatureSchema = {
  userFields: [{ name: 'group', type: 'categorical', vocabulary }],
  itemFields: [{ name: 'category', type: 'categorical', vocabulary }],
  categoryField: 'category',
};

function fieldsOf(users: number, items: number): EncodedFields {
  const random = new Random(2);
  const codes = (count: number): Int32Array => Int32Array.from({ length: count }, () => 1 + random.below(VALUES));
  return { profiles: codes(users), profileWidth: 1, itemFields: codes(items), itemFieldsWidth: 1 };
}

/** Histories of LENGTH + 1 events; items drawn with a skew. */
function randomHistories(userCount: number, itemCount: number): HistoryTable {
  const random = new Random(1);
  const length = LENGTH + 1;
  const total = userCount * length;
  return {
    userCount,
    itemCount,
    offsets: Uint32Array.from({ length: userCount + 1 }, (_, user) => user * length),
    itemRows: Uint32Array.from({ length: total }, () => Math.floor(itemCount * random.next() ** 2)),
    timesMs: new Float64Array(total),
    weights: new Float32Array(total).fill(1),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export { ENCODER_NAMES, type EncoderName };
