import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Decision, Replay } from '@mic/decision-log';
import { MicError } from '@mic/domain';
import { loadProfiles } from '@mic/recall-api';
import { colours } from '../colours';
import { DEFAULT_HOME, homeAt } from '../home';
import { plainTable } from '../plain-table';
import { runReplay, type ReplayReport } from '../run-replay';

interface ReplayFlags {
  log: string;
  home: string;
  profiles?: string;
  profile: string;
  show?: string;
  json?: boolean;
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('rank the answers of a decision log again: by what is recorded, or by another profile')
    .requiredOption('--log <path>', 'folder of the decision log, or one of its files')
    .option('--home <dir>', 'home whose releases answered', DEFAULT_HOME)
    .option('--profiles <file>', 'JSON file of recall profiles that rank instead of the recorded one')
    .option('--profile <name>', "of them; without it each user's own", '')
    .option('--show <request>', 'only this request, item by item')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mic up --home .mic --decision-log .mic/decisions --decision-sample 0.1
  $ mic replay --home .mic --log .mic/decisions
  $ mic replay --home .mic --log .mic/decisions --profiles next.json --profile b
  $ mic replay --home .mic --log .mic/decisions --profiles next.json --show 3f6c...
By what is recorded every ranking must come out the same, to the bit: exit 1 where one does not. Another profile shows what it would
change of the ranking (weights, scales, order, quotas, channels on or off); what channels find is not searched for again.`,
    )
    .action(async (flags: ReplayFlags) => {
      if (flags.profiles === undefined && flags.profile !== '') {
        throw new MicError('INVALID_ARGUMENT', `--profile ${flags.profile} is of no --profiles`, {
          subject: '--profile',
          remedy:
            'give the file that it stands in: --profiles FILE; without both every answer is ranked as it was recorded',
        });
      }
      const profiles = flags.profiles === undefined ? null : await loadProfiles(flags.profiles);
      const shown: { decision: Decision; replayed: Replay }[] = [];
      const report = await runReplay({
        home: homeAt(flags.home),
        log: resolve(flags.log),
        profiles,
        profile: flags.profile,
        requestId: flags.show,
        onDecision: (decision, replayed) => {
          if (flags.show !== undefined) shown.push({ decision, replayed });
        },
      });
      if (flags.json)
        console.log(JSON.stringify(flags.show === undefined ? report : { ...report, shown: shown.map(asJson) }));
      else {
        for (const { decision, replayed } of shown) console.log(printDecision(decision, replayed));
        console.log(printReport(report, profiles !== null));
      }
      if (profiles === null && report.same < report.decisions) process.exitCode = 1;
    });
}

const asJson = ({
  decision,
  replayed: { recorded, replayed, isSame, overlap },
}: {
  decision: Decision;
  replayed: Replay;
}) => ({
  requestId: decision.requestId,
  userId: decision.userId,
  isSame,
  overlap,
  recorded: recorded.itemIds.map((itemId, i) => ({ itemId, score: recorded.scores[i] })),
  replayed: replayed.itemIds.map((itemId, i) => ({ itemId, score: replayed.scores[i] })),
});

function printDecision({ requestId, userId, time, profile }: Decision, { recorded, replayed }: Replay): string {
  const before = new Map(recorded.itemIds.map((itemId, place) => [itemId, place]));
  const rows = replayed.itemIds.map((itemId, place) => {
    const was = before.get(itemId);
    const moved = was === undefined ? 'new' : was === place ? '' : `was ${was + 1}`;
    return [String(place + 1), itemId, replayed.scores[place]!.toFixed(4), moved];
  });
  const gone = recorded.itemIds.filter((itemId) => !replayed.itemIds.includes(itemId));
  return [
    `request ${requestId} of user ${colours.bold(userId)}, ${time}, profile ${profile.name}`,
    plainTable(['#', 'item', 'score', ''], rows),
    ...(gone.length > 0 ? [`gone: ${gone.join(', ')}`] : []),
  ].join('\n');
}

function printReport(report: ReplayReport, byOthers: boolean): string {
  const { decisions, same, sameFirst, meanOverlap, withoutRelease, unreadable, firstUnreadable } = report;
  const lines = [
    byOthers
      ? `${decisions} decisions: ${same} rankings stay as they are, the first item stays in ${sameFirst}, ${(100 * meanOverlap).toFixed(1)} % of the items stay`
      : `${decisions} decisions: ${same === decisions ? colours.green(`${same} the same`) : `${colours.red(String(decisions - same))} are not the same`}, to the bit`,
    ...Object.entries(withoutRelease).map(
      ([id, count]) =>
        `${colours.yellow(id)}: ${count} decisions left out, this home does not have that release as it was`,
    ),
  ];
  if (firstUnreadable !== null) lines.push(`${unreadable} lines left out, the first: ${firstUnreadable}`);
  return lines.join('\n');
}
