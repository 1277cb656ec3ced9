import { Command } from 'commander';
import pc from 'picocolors';
import { listReleases, verifyRelease, type VerifyReport } from '@mic/release';
import { DEFAULT_HOME, homeAt } from '../home';
import { plainTable } from '../plain-table';

export function releaseCommand(): Command {
  return new Command('release')
    .description('look at releases and verify them')
    .addCommand(verifyCommand())
    .addCommand(listCommand());
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('check every file of a release against its manifest; exit 1 and name what is damaged')
    .argument('<dir>', 'folder of the release')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic release verify .mic/releases/r20260131120000-1a2b3c4d
A copy of a release under any folder name is as good as the original.`,
    )
    .action(async (dir: string, options: { json?: boolean }) => {
      const report = await verifyRelease(dir);
      if (options.json) console.log(JSON.stringify(report));
      else printReport(report);
      if (!report.ok) process.exitCode = 1;
    });
}

function printReport({ ok, id, files, bytes, problems, unlisted, directory }: VerifyReport): void {
  for (const path of unlisted) console.error(`${pc.yellow(path)}: not in the manifest, ignored`);
  if (ok) {
    console.log(`${pc.green('intact')}: release ${id}, ${files} files, ${bytes} bytes`);
    return;
  }
  for (const { path, problem, expected, found } of problems) {
    console.error(`${pc.red(path)}: ${problem}, expected ${expected}, found ${found}`);
  }
  console.error(`the release in ${directory} is damaged: restore it from a good copy, or build it again (mic build)`);
}

function listCommand(): Command {
  return new Command('list')
    .description('list the releases of a home')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic release list --home .mic`,
    )
    .action(async (options: { home: string; json?: boolean }) => {
      const releases = await listReleases(homeAt(options.home).releases);
      if (options.json) {
        console.log(JSON.stringify(releases));
        return;
      }
      const rows = releases.map(({ directory, manifest }) => {
        if (!manifest) return [directory, pc.red('no intact manifest'), '', '', '', ''];
        const { id, dataset, counts, quality } = manifest;
        const hitRate = (list: string): string => quality.metrics[list]?.['HR@50']?.toFixed(4) ?? '-';
        return [id, dataset, String(counts.users), String(counts.items), hitRate('u2i'), hitRate('merged')];
      });
      console.log(plainTable(['release', 'dataset', 'users', 'items', 'u2i HR@50', 'merged HR@50'], rows));
    });
}
