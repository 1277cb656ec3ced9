import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MicError } from '@mic/domain';
import { z } from 'zod';
import type { Home } from '../home';
import { SERVICES } from './service-process';

const running = z.object({ pid: z.int(), address: z.string() });
const upSchema = z.object({ services: z.partialRecord(z.enum(SERVICES), running) });
/** Who runs where, as `mic up` prints it and keeps it in <home>/up.json. */
export type Up = z.infer<typeof upSchema>;

const settingsSchema = z.object({
  /** The store as the services got it. */
  store: z.string(),
  profiles: z.string().nullable(),
  limits: z
    .object({
      historyCap: z.int().optional(),
      historyTtlSeconds: z.int().optional(),
      liveItemsCap: z.int().optional(),
    })
    .default({}),
  eventLog: z.string().nullable(),
  decisions: z.object({ folder: z.string().nullable(), share: z.number() }).nullable(),
});
/** What `mic up --only` needs to start one service like the others; kept beside, because a store may have a password. */
export type UpSettings = z.infer<typeof settingsSchema>;

const upFile = (home: Home): string => join(home.dir, 'up.json');
const settingsFile = (home: Home): string => join(home.dir, 'up-settings.json');

export async function writeUp(home: Home, up: Up): Promise<void> {
  await write(upFile(home), up);
}

export async function writeUpSettings(home: Home, settings: UpSettings): Promise<void> {
  await write(settingsFile(home), settings);
}

export async function removeUp(home: Home): Promise<void> {
  for (const file of [upFile(home), settingsFile(home)]) await rm(file, { force: true });
}

/** @throws MicError FAILED_PRECONDITION when nothing was started in this home. */
export async function readUp(home: Home): Promise<{ readonly up: Up; readonly settings: UpSettings }> {
  try {
    return {
      up: upSchema.parse(JSON.parse(await readFile(upFile(home), 'utf8'))),
      settings: settingsSchema.parse(JSON.parse(await readFile(settingsFile(home), 'utf8'))),
    };
  } catch (error) {
    throw new MicError('FAILED_PRECONDITION', `no services were started in ${home.dir}`, {
      subject: home.dir,
      remedy: 'start all of them first: mic up --home DIR',
      cause: error,
    });
  }
}

/** In one step, so that nobody reads half a file; for the owner alone. */
async function write(file: string, value: unknown): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
