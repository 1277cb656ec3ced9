import { Command } from 'commander';
import { listReleases, verifyRelease, type VerifyReport } from '@mic/release';
import { diffReleases } from '@mic/release-build';
import { colours, errorColours } from '../colours';
import { DEFAULT_HOME, homeAt } from '../home';
import { plainTable } from '../plain-table';
import { printDiff } from '../print-diff';
import { releaseOrFolder } from '../release-folder';

export function releasesCommand(): Command {
  return new Command('releases')
    .alias('release')
    .description('look at releases, verify and compare them')
    .addCommand(verifyCommand())
    .addCommand(listCommand())
    .addCommand(diffCommand());
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
  $ mic releases verify .mic/releases/r20260131120000-1a2b3c4d
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
  for (const path of unlisted) console.error(`${errorColours.yellow(path)}: not in the manifest, ignored`);
  if (ok) {
    console.log(`${colours.green('intact')}: release ${id}, ${files} files, ${bytes} bytes`);
    return;
  }
  for (const { path, problem, expected, found } of problems) {
    console.error(`${errorColours.red(path)}: ${problem}, expected ${expected}, found ${found}`);
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
  $ mic releases list --home .mic`,
    )
    .action(async (options: { home: string; json?: boolean }) => {
      const releases = await listReleases(homeAt(options.home).releases);
      if (options.json) {
        console.log(JSON.stringify(releases));
        return;
      }
      const rows = releases.map(({ directory, manifest }) => {
        if (!manifest) return [directory, colours.red('no intact manifest'), '', '', '', ''];
        const { id, dataset, counts, quality } = manifest;
        const hitRate = (list: string): string => quality.metrics[list]?.['HR@50']?.toFixed(4) ?? '-';
        return [id, dataset, String(counts.users), String(counts.items), hitRate('u2i'), hitRate('merged')];
      });
      console.log(plainTable(['release', 'dataset', 'users', 'items', 'u2i HR@50', 'merged HR@50'], rows));
    });
}

function diffCommand(): Command {
  return new Command('diff')
    .description('show two releases side by side: counts, quality, gate, sizes, vocabularies, lists')
    .argument('<a>', 'id of a release of the home, or its folder')
    .argument('<b>', 'likewise; differences are b - a')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mic releases diff r20260131120000-1a2b3c4d r20260131130000-5e6f7a8b --home .mic
  $ mic releases diff .mic/releases/r20260131120000-1a2b3c4d /backup/r20260131130000-5e6f7a8b --json
Quality is each release's own, on its own held-out events. Files are not verified: mic releases verify does.`,
    )
    .action(async (a: string, b: string, options: { home: string; json?: boolean }) => {
      const home = homeAt(options.home);
      const diff = await diffReleases(releaseOrFolder(home, a), releaseOrFolder(home, b));
      console.log(options.json ? JSON.stringify(diff) : printDiff(diff));
    });
}
