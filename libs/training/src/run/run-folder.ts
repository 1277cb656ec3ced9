import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MicError } from '@mic/domain';
import { trainingConfigSchema } from '../config/training-config';
import { PROTOCOLS } from '../data/load-split';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint';

/** What a run was started with: run.json. */
export const runPlanSchema = z.strictObject({
  formatVersion: z.literal(1),
  config: trainingConfigSchema,
  protocol: z.enum(PROTOCOLS),
  cutMs: z.number().nullable(),
  seed: z.int(),
  /** The model folder that training starts from, or null. */
  parent: z.string().nullable(),
  /** True when it has come to its end and left its model. */
  finished: z.boolean(),
});
export type RunPlan = z.infer<typeof runPlanSchema>;

/** One line of metrics.jsonl: of some steps, or of an epoch. */
export interface MetricsLine {
  readonly kind: 'steps' | 'epoch';
  /** Steps made when it was written. */
  readonly step: number;
}

const PLAN = 'run.json';
const METRICS = 'metrics.jsonl';
const CHECKPOINTS = 'checkpoints';

/** The folder of a training run: what it was started with, its metrics as they come, and the newest checkpoint. */
export class RunFolder {
  private constructor(
    readonly dir: string,
    readonly plan: RunPlan,
  ) {}

  /**
   * Begins a run.
   *
   * @throws MicError FAILED_PRECONDITION when the folder has an unfinished run, unless `restart` gives that up.
   */
  static async create(dir: string, plan: RunPlan, { restart = false } = {}): Promise<RunFolder> {
    const unfinished = restart ? null : await readCheckpoint(join(dir, CHECKPOINTS));
    if (unfinished) {
      throw new MicError('FAILED_PRECONDITION', `${dir} has an unfinished run, ${unfinished.step} steps in`, {
        subject: dir,
        remedy: 'go on with --resume, begin again with --restart, or choose another --out',
      });
    }
    await mkdir(dir, { recursive: true });
    await rm(join(dir, CHECKPOINTS), { recursive: true, force: true });
    await rm(join(dir, METRICS), { force: true });
    await writePlan(dir, plan);
    return new RunFolder(dir, plan);
  }

  /** Opens a run to go on with it. @throws MicError NOT_FOUND when the folder has none. */
  static async open(dir: string): Promise<RunFolder> {
    let text: string;
    try {
      text = await readFile(join(dir, PLAN), 'utf8');
    } catch {
      throw new MicError('NOT_FOUND', `${dir} has no run to go on with: it has no ${PLAN}`, {
        subject: dir,
        remedy: 'start one with `mic train --data DIR --out DIR`',
      });
    }
    const plan = runPlanSchema.safeParse(JSON.parse(text));
    if (plan.success) return new RunFolder(dir, plan.data);
    throw new MicError('DATA_LOSS', `${join(dir, PLAN)}: ${z.prettifyError(plan.error)}`, { subject: dir });
  }

  /** The newest whole checkpoint; metrics that were written after it are taken back. */
  async continueFrom(): Promise<Checkpoint | null> {
    const checkpoint = await readCheckpoint(join(this.dir, CHECKPOINTS));
    const kept = (await this.metrics()).filter(({ step }) => step <= (checkpoint?.step ?? 0));
    await writeFile(join(this.dir, METRICS), kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return checkpoint;
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    await writeCheckpoint(join(this.dir, CHECKPOINTS), checkpoint);
  }

  async log(line: MetricsLine): Promise<void> {
    await appendFile(join(this.dir, METRICS), `${JSON.stringify(line)}\n`);
  }

  /** Lines written so far; one that was cut off by a kill is left out. */
  async metrics(): Promise<MetricsLine[]> {
    let text: string;
    try {
      text = await readFile(join(this.dir, METRICS), 'utf8');
    } catch {
      return [];
    }
    return text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as MetricsLine];
      } catch {
        return [];
      }
    });
  }

  /** The run has left its model: its checkpoints are not needed any more. */
  async finish(): Promise<void> {
    await writePlan(this.dir, { ...this.plan, finished: true });
    await rm(join(this.dir, CHECKPOINTS), { recursive: true, force: true });
  }
}

async function writePlan(dir: string, plan: RunPlan): Promise<void> {
  await writeFile(join(dir, `${PLAN}.new`), `${JSON.stringify(plan, null, 2)}\n`);
  await rename(join(dir, `${PLAN}.new`), join(dir, PLAN));
}
