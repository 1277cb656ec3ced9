import { Command, CommanderError } from 'commander';
import { MicError } from '@mic/domain';
import { buildCommand } from './commands/build';
import { dataCommand } from './commands/data';
import { demoCommand } from './commands/demo';
import { evaluateCommand } from './commands/evaluate';
import { tuneCommand } from './commands/tune';
import { eventsCommand } from './commands/events';
import { historyCommand } from './commands/history';
import { hourlyCommand } from './commands/hourly';
import { publishCommand } from './commands/publish';
import { recallCommand } from './commands/recall';
import { releasesCommand } from './commands/releases';
import { rollbackCommand } from './commands/rollback';
import { serveCommand } from './commands/serve';
import { trainCommand } from './commands/train';
import { upCommand } from './commands/up';
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

for (const command of [
  dataCommand(),
  trainCommand(),
  evaluateCommand(),
  tuneCommand(),
  buildCommand(),
  releasesCommand(),
  publishCommand(),
  rollbackCommand(),
  hourlyCommand(),
  historyCommand(),
  eventsCommand(),
  upCommand(),
  serveCommand(),
  recallCommand(),
  demoCommand(),
]) {
  program.addCommand(command);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) throw error;
  console.error(describeError(error));
  process.exitCode = error instanceof MicError && error.code === 'INVALID_ARGUMENT' ? 2 : 1;
}
