import { Command, Option } from 'commander';
import { MicError } from '@mic/domain';
import {
  ENCODER_NAMES,
  KNOBS,
  openModel,
  parseTrainingConfig,
  PROTOCOLS,
  RunFolder,
  type EncoderName,
  type ModelInfo,
  type Protocol,
} from '@mic/training';
import { moment, wholeNumber } from '../number-flags';
import { readSettings } from '../read-settings';
import { createRun, runTrain } from '../run-train';

interface TrainFlags {
  data: string;
  out: string;
  protocol: Protocol;
  cut?: number;
  seed: number;
  maxSteps?: number;
  encoder?: EncoderName;
  mic: boolean;
  config?: string;
  set: string[];
  from?: string;
  resume?: boolean;
  restart?: boolean;
  json?: boolean;
}

export function trainCommand(): Command {
  return new Command('train')
    .description('train a two-tower model on a dataset')
    .requiredOption('--data <dir>', 'dataset folder')
    .requiredOption('--out <dir>', 'model folder to write')
    .addOption(
      new Option('--encoder <name>', "model (default: the configuration file's, else pooled)").choices(ENCODER_NAMES),
    )
    .option(
      '--no-mic',
      'without the losses of MIC (multi-decay, sasrec and gru4rec have them with --set mic.enabled=true only)',
    )
    .addOption(
      new Option(
        '--protocol <name>',
        "what training must not see: nothing, every user's last event, that of every tenth user, everything from a moment on, or every tenth user",
      )
        .choices(PROTOCOLS)
        .default('none'),
    )
    .option('--cut <time>', 'first moment that --protocol time hides (default: the newest tenth of events)', moment)
    .option('--seed <n>', 'the same seed gives the same model', wholeNumber(0, 0x7fffffff), 1)
    .option('--max-steps <n>', 'stop after so many steps', wholeNumber(1))
    .option('--config <file>', 'JSON file of knobs')
    .option('--set <name=value>', 'one knob (repeatable)', (value: string, all: string[]) => [...all, value], [])
    .option('--from <dir>', 'model folder to start from: known users and items keep their rows')
    .option('--resume', 'go on with the interrupted run in --out, with what it was started with')
    .option('--restart', 'give an interrupted run in --out up')
    .option('--json', 'print what was trained as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mic train --data .mic/datasets/toy --out .mic/runs/toy
  $ mic train --data .mic/datasets/toy --out .mic/runs/toy --protocol leave-one-out --seed 7
  $ mic train --data .mic/datasets/toy --out .mic/runs/toy --resume
  $ mic train --data .mic/datasets/toy --out .mic/runs/hour-2 --from .mic/runs/toy --set loop.epochs=1
  $ mic train --data .mic/datasets/toy --out .mic/runs/toy --encoder multi-decay --set loop.epochs=4 --set softmax.temperature=0.1
Knobs: ${KNOBS.join(', ')}
mic evaluate measures a model with the same --protocol. With leave-one-out and sampled-last a release can tell its
quality (sampled-last is for models that go live); with none it has seen every event.`,
    )
    .action(async (flags: TrainFlags, command: Command) => {
      const { data, out } = flags;
      const info = flags.resume ? await resume(flags, command) : await start(flags);
      if (flags.json) {
        console.log(JSON.stringify(info));
        return;
      }
      const held = Object.entries(info.validation).map(([name, value]) => `, validation ${name} ${value.toFixed(4)}`);
      console.log(
        `model ${out}: ${info.steps} steps in ${info.seconds.toFixed(1)} s, loss ${info.finalLoss.toFixed(4)}${held.join('')}`,
      );
      console.log(`next: mic build --model ${out} --data ${data}`);
    });
}

async function start(flags: TrainFlags): Promise<ModelInfo> {
  const { data, out, protocol, cut: cutMs, seed, from: parent, restart } = flags;
  const settings = [
    ...flags.set,
    ...(flags.maxSteps === undefined ? [] : [`loop.maxSteps=${flags.maxSteps}`]),
    ...(flags.mic ? [] : ['mic.enabled=false']),
  ];
  const config = parseTrainingConfig(await readSettings(flags.config, 'mic train --help'), settings, flags.encoder);
  return runTrain({ data, begin: () => createRun(out, { config, protocol, cutMs, seed, parent }, restart) });
}

/** Flags that say what a run is: an interrupted one has said it already. */
const PLANNED = ['encoder', 'mic', 'protocol', 'cut', 'seed', 'maxSteps', 'config', 'set', 'from', 'restart'];

async function resume({ data, out }: TrainFlags, command: Command): Promise<ModelInfo> {
  const given = PLANNED.filter((name) => command.getOptionValueSource(name) === 'cli');
  if (given.length > 0) {
    throw new MicError('INVALID_ARGUMENT', `--resume goes on as the run was started: leave out ${given.join(', ')}`, {
      subject: 'resume',
      remedy: 'give --data, --out and --resume alone; run.json in the folder says what the run was started with',
    });
  }
  const run = await RunFolder.open(out);
  if (!run.plan.finished) return runTrain({ data, begin: () => Promise.resolve(run), resume: true });
  console.error(`the run in ${out} is over`);
  return (await openModel(out)).info;
}
