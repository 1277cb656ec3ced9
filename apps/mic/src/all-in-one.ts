import { join } from 'node:path';
import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { MicError } from '@mic/domain';
import { WorkerItemIndex } from '@mic/hnsw-index';
import { OnnxUserEmbedder } from '@mic/onnx-tower';
import { RecallEngine, type Profiles } from '@mic/recall';
import { recallApi } from '@mic/recall-api';
import { openRelease, type Manifest } from '@mic/release';
import { startServer, type RunningServer } from '@mic/rpc';
import { LmdbStore } from '@mic/store-lmdb';
import type { Home } from './home';
import { releaseFolder } from './release-folder';

export interface AllInOne {
  readonly address: string;
  readonly manifest: Manifest;
  /** Drains the server, then closes what it served from. */
  stop(): Promise<void>;
}
