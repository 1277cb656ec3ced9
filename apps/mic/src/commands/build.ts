import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { BUILD_KNOBS, parseBuildConfig } from '@mic/release-build';
import type { Manifest } from '@mic/release';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { modelSource, type ModelFlags } from '../model-source';
import { openParent } from '../open-parent';
import { printGate } from '../print-gate';
import { printQuality } from '../print-quality';
import { readSettings } from '../read-settings';
import { runBuild } from '../run-build';
import { STORE_OPTION } from '../store-option';

interface BuildFlags extends ModelFlags {
  data: string;
  home: string;
  store?: string;
  parent?: string;
  config?: string;
  set: string[];
  json?: string;
}

export function buildCommand(): Command {
  return new Command('build')
    .description('build a release: vectors, indexes, neighbour lists, quality, gate')
    .option('--model <dir>', 'model folder, from mic train')
    .option('--user-tower <file>', 'ONNX file of a user tower that was trained elsewhere')
    .option('--item-tower <file>', 'its item tower')
    .option('--signature <file>', 'what the two towers read and give, and where their ids are (docs/towers.md)')
    .requiredOption('--data <dir>', 'dataset folder')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .option('--parent <id>', 'release that the gate compares with, or none (default: what the store serves)')
    .option('--config <file>', 'JSON file of knobs')
    .option('--set <name=value>', 'one knob (repeatable)', (value: string, all: string[]) => [...all, value], [])
    .option('--json <file>', 'write stages, counts, recall, gate and the rest of the manifest to a file')
    .addHelpText(
      'after',
      `
Examples:
  $ mic build --model .mic/runs/toy --data .mic/datasets/toy --home .mic
  $ mic build --user-tower u.onnx --item-tower i.onnx --signature signature.json --data .mic/datasets/toy --home .mic
  $ mic build --model .mic/runs/toy --data .mic/datasets/toy --home .mic --set u2iLength=200 --set gate.parent.hitRate.least=0.8
Quality is measured on what the model has not seen: train with --protocol sampled-last (or leave-one-out) to have figures.
A build that was killed goes on where it was when it is started again; the same build twice is one release.
Exit status: 0 built and passed the gate, 1 failed, 2 bad arguments, 3 built and did not pass: mic publish refuses it.
Knobs: ${BUILD_KNOBS.join(', ')}`,
    )
    .action(async (flags: BuildFlags) => {
      const model = modelSource(flags);
      const home = homeAt(flags.home);
      const config = parseBuildConfig(await readSettings(flags.config, 'mic build --help'), flags.set);
      const parent = await openParent(home, storeOf(home, flags.store), flags.parent);
      const started = performance.now();
      const manifest = await runBuild({ model, data: flags.data, home, config, parent });
      if (flags.json)
        await writeFile(flags.json, `${JSON.stringify(buildReport(manifest, (performance.now() - started) / 1000))}\n`);
      console.log(printQuality(manifest));
      console.log(printGate(manifest));
      if (manifest.gate.passed) {
        console.log(`release ${manifest.id}: mic publish --home ${flags.home} --release ${manifest.id}`);
        return;
      }
      console.log(`release ${manifest.id} is not to be published`);
      process.exitCode = GATE_FAILED;
    });
}

/** Exit status of a build whose release did not pass. */
const GATE_FAILED = 3;

/** The manifest, and what people look for first beside it. @param seconds that the command took. */
function buildReport(manifest: Manifest, seconds: number): object {
  const { id, index, build } = manifest;
  return {
    releaseId: id,
    stages: build.stages,
    seconds,
    peakMemoryBytes: build.peakBytes,
    annRecallAt100: index.kind === 'hnsw' ? index.recallAt100 : 1,
    ...manifest,
  };
}
