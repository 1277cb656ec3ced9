import { Command, CommanderError } from 'commander';
import { MicError } from '@mic/domain';
import { asBatchJob } from './as-batch-job';
import { COMMANDS } from './commands';
import { describeError } from './describe-error';

process.setSourceMapsEnabled(true);

const program = new Command('mic')
  .description('Multi-channel candidate retrieval: one model, three channels, one verified release.')
  .version('0.1.0')
  .showHelpAfterError('(add --help for usage and examples)')
  .addHelpText(
    'after',
    `
From events to answers, step by step:
  $ mic data synth --users 2000 --items 1500 --events 60000 --seed 1 --out .mic/datasets/toy
  $ mic train --data .mic/datasets/toy --out .mic/runs/toy --protocol leave-one-out
  $ mic build --model .mic/runs/toy --data .mic/datasets/toy --home .mic
  $ mic publish --home .mic --release RELEASE_ID
  $ mic history import --data .mic/datasets/toy --home .mic
  $ mic up --home .mic
  $ mic recall --home .mic --user user-00042 -n 10

All of it in one go: mic demo
Every command has its own examples: mic COMMAND --help`,
  );

const named = COMMANDS.find(({ names }) => names.includes(process.argv[2] ?? ''));
if (named?.isBatchJob) asBatchJob();
for (const { load } of named ? [named] : COMMANDS) program.addCommand(await load());

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) throw error;
  console.error(describeError(error));
  process.exitCode = error instanceof MicError && error.code === 'INVALID_ARGUMENT' ? 2 : 1;
}
