import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { ItemServiceClient, type RemoveItemsResponse, type UpsertItemsResponse } from '@mic/contracts';
import { MicError } from '@mic/domain';
import { openStore } from '@mic/open-store';
import type { ItemFields } from '@mic/recall';
import { createClient, unary } from '@mic/rpc';
import { fromItems, MAX_ITEMS_PER_CALL } from '@mic/wire';
import { z } from 'zod';
import { gatewayOf } from '../gateway-of';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { plainTable } from '../plain-table';
import { STORE_OPTION } from '../store-option';

export function itemsCommand(): Command {
  return new Command('items')
    .description('items that are newer than the release, and items that must not be returned')
    .addCommand(listCommand())
    .addCommand(upsertCommand())
    .addCommand(removeCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('list what the store says of items beside the releases')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .option('--json', 'print one line of JSON')
    .action(async (flags: { home: string; store?: string; json?: boolean }) => {
      const store = await openStore({ store: storeOf(homeAt(flags.home), flags.store), readOnly: true });
      try {
        const { revision, items } = await store.liveItems(null);
        if (flags.json) {
          console.log(JSON.stringify({ revision, items }));
          return;
        }
        const rows = items.map(({ itemId, fields }) => [itemId, fields === null ? 'hidden' : 'shown', words(fields)]);
        console.log(`${items.length} items, revision ${revision}\n${plainTable(['item', 'state', 'fields'], rows)}`);
      } finally {
        await store.close();
      }
    });
}

const words = (fields: ItemFields | null): string =>
  Object.entries(fields ?? {})
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join('|') : String(value)}`)
    .join(' ');

function withServer(command: Command): Command {
  return command
    .option('--target <host:port>', 'address of the server; without it that of `mic up`')
    .option('--home <dir>', 'home in which `mic up` was started', DEFAULT_HOME)
    .option('--json', 'print one line of JSON');
}

interface ServerFlags {
  target?: string;
  home: string;
  json?: boolean;
}

function upsertCommand(): Command {
  return withServer(new Command('upsert'))
    .description('make items retrievable that the release does not know (ItemService.UpsertItems)')
    .requiredOption('--from <file>', 'lines of JSON: {"item_id": "...", "fields": {"genre": ["drama"], "year": 1999}}')
    .addHelpText('after', '\nExample:\n  $ mic items upsert --home .mic --from new-items.jsonl')
    .action(async (flags: ServerFlags & { from: string }) => {
      const items = await readItems(flags.from);
      let answer: UpsertItemsResponse = { revision: 0 };
      await withClient(flags, async (client) => {
        for (let at = 0; at < items.length; at += MAX_ITEMS_PER_CALL) {
          const request = { items: fromItems(items.slice(at, at + MAX_ITEMS_PER_CALL)) };
          answer = await unary(client, 'upsertItems', request, { deadlineMs: DEADLINE_MS });
        }
      });
      tell(flags, items.length, answer, 'retrievable');
    });
}

function removeCommand(): Command {
  return withServer(new Command('remove'))
    .description('hide items in all channels (ItemService.RemoveItems); mic items upsert shows them again')
    .argument('<item...>', 'ids')
    .addHelpText('after', '\nExample:\n  $ mic items remove --home .mic film-17 film-18')
    .action(async (itemIds: string[], flags: ServerFlags) => {
      let answer: RemoveItemsResponse = { revision: 0 };
      await withClient(flags, async (client) => {
        for (let at = 0; at < itemIds.length; at += MAX_ITEMS_PER_CALL) {
          const request = { itemIds: itemIds.slice(at, at + MAX_ITEMS_PER_CALL) };
          answer = await unary(client, 'removeItems', request, { deadlineMs: DEADLINE_MS });
        }
      });
      tell(flags, itemIds.length, answer, 'hidden');
    });
}

const DEADLINE_MS = 10_000;

async function withClient(flags: ServerFlags, use: (client: ItemServiceClient) => Promise<void>): Promise<void> {
  const client = createClient(ItemServiceClient, flags.target ?? (await gatewayOf(flags.home)));
  try {
    await use(client);
  } finally {
    client.close();
  }
}

function tell({ json }: ServerFlags, items: number, { revision }: { revision: number }, what: string): void {
  console.log(json ? JSON.stringify({ items, revision }) : `${items} items are ${what}, revision ${revision}`);
}

const lineSchema = z.strictObject({
  item_id: z.string().min(1),
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])).default({}),
});

/** @throws MicError INVALID_ARGUMENT that names the line. */
async function readItems(file: string): Promise<{ itemId: string; fields: ItemFields }[]> {
  const items: { itemId: string; fields: ItemFields }[] = [];
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    line++;
    if (text.trim() === '') continue;
    const refuse = (why: string): never => {
      throw new MicError('INVALID_ARGUMENT', `${file}:${line}: ${why}`, {
        subject: file,
        remedy: 'one object a line: {"item_id": "...", "fields": {...}}; nothing of it was sent',
      });
    };
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      return refuse(`it is not JSON (${(error as Error).message})`);
    }
    const parsed = lineSchema.safeParse(json);
    if (!parsed.success) return refuse(z.prettifyError(parsed.error));
    items.push({ itemId: parsed.data.item_id, fields: parsed.data.fields });
  }
  return items;
}
