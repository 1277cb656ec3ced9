import Table from 'cli-table3';
import { Command } from 'commander';
import pc from 'picocolors';
import { listReleases, verifyRelease } from '@mic/release';
import { DEFAULT_HOME, homeAt } from '../home';

export function releaseCommand(): Command {
  const release = new Command('release').description('look at releases and verify them');

  release
    .command('verify')
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
      else if (report.ok) {
        console.log(`${pc.green('intact')}: release ${report.id}, ${report.files} files, ${report.bytes} bytes`);
      } else {
        for (const problem of report.problems) {
          console.error(`${pc.red(problem.path)}: ${problem.problem}, ${problem.detail}`);
        }
        console.error(`release at ${dir} is damaged: restore it from a good copy or build it again (mic build)`);
      }
      if (!report.ok) process.exitCode = 1;
    });

  release
    .command('list')
    .description('list the releases of a home')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .option('--json', 'print one line of JSON')
    .action(async (options: { home: string; json?: boolean }) => {
      const manifests = await listReleases(homeAt(options.home).releases);
      if (options.json) return console.log(JSON.stringify(manifests));
      const table = new Table({ head: ['release', 'dataset', 'users', 'items', 'u2i HR@50', 'merged HR@50'] });
      for (const { id, dataset, counts, quality } of manifests) {
        const hitRate = (list: string) => quality.metrics[list]?.['HR@50']?.toFixed(4) ?? '-';
        table.push([id, dataset, counts.users, counts.items, hitRate('u2i'), hitRate('merged')]);
      }
      console.log(table.toString());
    });

  return release;
}
