import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedisCluster } from '@mic/redis-process';
import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { benchFailover, type FailoverKind, type FailoverReport } from './failover';
import type { AppendTimes } from './failover-figures';
import { makeFailoverHome } from './failover-home';

interface FailoverFlags {
  kinds: FailoverKind[];
  callsPerSecond: number;
  eventsPerSecond: number;
  deadlineMs: number;
  nodeTimeoutMs: number;
  fullCoverage: boolean;
  json?: string | true;
}

export function failoverCommand(): Command {
  return new Command('failover')
    .description('Recall and AppendEvents through four services while a master of a Redis Cluster is replaced')
    .addOption(
      new Option('--kinds <kind...>', 'how the master goes: by SIGKILL, silent, or in order')
        .choices(['kill', 'freeze', 'graceful'])
        .default(['kill', 'freeze', 'graceful']),
    )
    .option('--calls-per-second <n>', 'rate of Recall', Number, 10)
    .option('--events-per-second <n>', 'rate of AppendEvents, one event each', Number, 20)
    .option('--deadline-ms <ms>', 'deadline of each call', Number, 1_000)
    .option('--node-timeout-ms <ms>', 'cluster-node-timeout', Number, 2_000)
    .option('--no-full-coverage', 'cluster-require-full-coverage no: slots that have a master are served meanwhile')
    .option('--json [file]', 'print one line of JSON, or write it to a file')
    .action(async ({ json, kinds, nodeTimeoutMs, fullCoverage, ...rates }: FailoverFlags) => {
      const reports: FailoverReport[] = [];
      for (const kind of kinds) {
        const home = await mkdtemp(join(tmpdir(), 'mic-failover-'));
        const cluster = await startRedisCluster({ replicas: true, nodeTimeoutMs, fullCoverage });
        try {
          const made = await makeFailoverHome(home, cluster.url);
          console.error(`${kind}: the release is published`);
          const options = { ...rates, ...made, home, cluster, kind };
          const report = await benchFailover(options, (line) => console.error(`${kind}: ${line}`));
          reports.push(report);
          if (json !== true) console.log(failoverText(report));
        } finally {
          await cluster.stop();
          await rm(home, { recursive: true, force: true });
        }
      }
      if (json === true) console.log(JSON.stringify(reports));
      if (typeof json === 'string') await writeFile(json, `${JSON.stringify(reports, null, 2)}\n`);
    });
}

function failoverText(report: FailoverReport): string {
  const head = ['from ms', 'calls', 'degraded', 'failed', 'wrong', 'appends', 'not acknowledged'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { atMs, calls, degraded, failed, wrong, appends, appendsFailed } of report.windows) {
    table.push([atMs, calls, degraded, failed, wrong, appends, appendsFailed]);
  }
  const { times, lost, onGone, onOthers } = report;
  const ms = (value: number | null): string => (value === null ? '-' : `${Math.round(value)} ms`);
  const sends = ({ times: sent, failed, p50Ms, p99Ms }: AppendTimes): string =>
    `${sent} sent, ${failed} not acknowledged, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`;
  return [
    `${report.kind}:`,
    table.toString(),
    `cluster not whole after ${ms(times.clusterFailed)}, replica promoted ${ms(times.promoted)}, cluster ok ${ms(times.clusterOk)}, old master back ${ms(times.restarted)}`,
    `${report.calls} calls: ${report.failed} failed (${report.failures.join(', ')}), ${report.degraded} degraded, ${report.wrong} wrong`,
    `degraded or failed from ${ms(report.troubledFromMs)} to ${ms(report.troubledToMs)}, well from ${ms(report.wellAtMs)}; longest without a whole answer ${ms(report.longestMs)}`,
    `${report.events} events: ${report.acknowledged} acknowledged, ${report.repeated} sent again, ${report.duplicates} of them were there; ${lost.length} lost${lost.length > 0 ? `, acknowledged at ${lost.join(', ')} ms` : ''}; the replica was ${report.bytesBehind ?? '-'} bytes behind`,
    `not acknowledged: ${JSON.stringify(report.appendFailures)}`,
    `appends to users on that master meanwhile: ${sends(onGone)}`,
    `appends to the other users meanwhile: ${sends(onOthers)}`,
    `warnings: ${JSON.stringify(report.warnings)}; services ended: ${report.ended.join(', ') || 'none'}`,
    ...report.troubles,
  ].join('\n');
}
