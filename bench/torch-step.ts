import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('train_step.py', import.meta.url));
/** Interpreters to look for torch in: the one on the path may not be the system's, which apt installs for. */
const PYTHONS = ['python3', '/usr/bin/python3'];

/** A python that can import torch, and what it says of itself; null where there is none. */
export async function findTorch(): Promise<{ readonly python: string; readonly version: string } | null> {
  for (const python of PYTHONS) {
    try {
      const { stdout } = await exec(python, ['-c', DESCRIBE]);
      return { python, version: stdout.trim() };
    } catch {
      continue;
    }
  }
  return null;
}

/** Version and matrix library: without OpenBLAS or MKL, a step takes Debian's torch five times as long (docs/experiments.md, section 8). */
const DESCRIBE = `
import os, torch
blas = {os.path.realpath(line.split()[-1]) for line in open("/proc/self/maps") if "blas" in line or "mkl" in line}
print(torch.__version__, "with", ", ".join(sorted(os.path.basename(path) for path in blas)) or "its own BLAS")
`;

export interface TorchStep {
  readonly encoder: string;
  readonly users: number;
  readonly items: number;
  readonly full: boolean;
  readonly threads: number;
  readonly batch: number;
  readonly steps: number;
  readonly warmUp: number;
  readonly length: number;
}

/** Median milliseconds of the step in PyTorch. */
export async function torchStepMs(python: string, step: TorchStep): Promise<number> {
  const env = { ...process.env, OMP_NUM_THREADS: String(step.threads), OPENBLAS_NUM_THREADS: String(step.threads) };
  const { stdout } = await exec(python, [SCRIPT, JSON.stringify(step)], { env, timeout: 600_000 });
  return Number(stdout);
}
