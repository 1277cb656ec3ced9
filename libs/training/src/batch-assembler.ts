import type { OnnxValue } from '@mic/onnx-tower';
import { usersOfItems, type HistoryTable, type ItemUsers, type Random } from '@mic/domain';
import type { TrainingConfig } from './training-config';
import { UniqueRows } from './unique-rows';

/** Added to the logit of a masked pair: its exponential is 0. */
const MASKED = -1e4;

/** A training pair is an event: its user, and its position in the histories. */
export interface TrainingPairs {
  /** Event numbers; an epoch shuffles them. */
  readonly events: Uint32Array;
  /** User of each event number. */
  readonly userOf: Uint32Array;
}

/** Every event of the histories as a pair: the user as it was just before, and the event's item. */
export function pairsOf({ userCount, offsets, itemRows }: HistoryTable): TrainingPairs {
  const userOf = new Uint32Array(itemRows.length);
  for (let user = 0; user < userCount; user++) userOf.fill(user, offsets[user], offsets[user + 1]);
  return { events: Uint32Array.from(itemRows, (_, event) => event), userOf };
}

/** The encoded fields of all users and items. */
export interface EncodedFields {
  /** U x profileWidth. */
  readonly profiles: Int32Array;
  readonly profileWidth: number;
  /** I x itemFieldsWidth. */
  readonly itemFields: Int32Array;
  readonly itemFieldsWidth: number;
}

/** One step's input to the graph, and the table rows whose gradients it gives. */
export interface Batch {
  readonly feeds: Record<string, OnnxValue>;
  readonly userRows: UniqueRows;
  readonly itemRows: UniqueRows;
}

/** Turns pairs into the feeds of the step graph. Table row r + 1 belongs to data row r; row 0 is the mask row. */
export class BatchAssembler {
  readonly #histories: HistoryTable;
  readonly #pairs: TrainingPairs;
  readonly #fields: EncodedFields;
  readonly #config: TrainingConfig;
  readonly #batchSize: number;
  readonly #random: Random;
  readonly #itemUsers: ItemUsers;
  readonly #userRows: UniqueRows;
  readonly #itemRows: UniqueRows;
  readonly #seenBy: Uint32Array;
  #stamp = 0;
  readonly #userLogQ: Float32Array;
  readonly #itemLogQ: Float32Array;

  constructor(
    histories: HistoryTable,
    pairs: TrainingPairs,
    fields: EncodedFields,
    config: TrainingConfig,
    batchSize: number,
    random: Random,
  ) {
    this.#histories = histories;
    this.#pairs = pairs;
    this.#fields = fields;
    this.#config = config;
    this.#batchSize = batchSize;
    this.#random = random;
    this.#itemUsers = usersOfItems(histories);
    this.#userRows = new UniqueRows(histories.userCount + 1);
    this.#itemRows = new UniqueRows(histories.itemCount + 1);
    this.#seenBy = new Uint32Array(histories.itemCount);
    this.#userLogQ = logFrequencies(pairs.userOf, histories.userCount, config.logQ);
    this.#itemLogQ = logFrequencies(histories.itemRows, histories.itemCount, config.logQ);
  }

  /** Highest -log Q of any row: what the log-Q correction adds to a logit at most. */
  get largestCorrection(): number {
    const lowest = (logQ: Float32Array) => logQ.reduce((low, value) => Math.min(low, value), 0);
    return -Math.min(lowest(this.#userLogQ), lowest(this.#itemLogQ));
  }

  /** @param events batchSize event numbers. The result's rows are valid until the next call. */
  assemble(events: Uint32Array): Batch {
    this.#userRows.reset();
    this.#itemRows.reset();
    const size = this.#batchSize;
    const { longestHistory, itemUsers } = this.#config;
    const { profileWidth, itemFieldsWidth } = this.#fields;
    const user = new BigInt64Array(size);
    const item = new BigInt64Array(size);
    const history = new BigInt64Array(size * longestHistory);
    const users = new BigInt64Array(size * itemUsers);
    const profile = new BigInt64Array(size * profileWidth);
    const fields = new BigInt64Array(size * itemFieldsWidth);
    const userLogQ = new Float32Array(size);
    const itemLogQ = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const event = events[i]!;
      const userRow = this.#pairs.userOf[event]!;
      const itemRow = this.#histories.itemRows[event]!;
      user[i] = BigInt(this.#userRows.localOf(this.#maskedOr(userRow, this.#config.maskUserId)));
      item[i] = BigInt(this.#itemRows.localOf(this.#maskedOr(itemRow, this.#config.maskItemId)));
      this.#fillHistory(history, i * longestHistory, userRow, event);
      this.#fillUsers(users, i * itemUsers, itemRow, userRow);
      copyCodes(this.#fields.profiles, userRow, profile, i, profileWidth);
      copyCodes(this.#fields.itemFields, itemRow, fields, i, itemFieldsWidth);
      userLogQ[i] = this.#userLogQ[userRow]!;
      itemLogQ[i] = this.#itemLogQ[itemRow]!;
    }
    const feeds: Record<string, OnnxValue> = {
      user: { data: user, dims: [size] },
      item: { data: item, dims: [size] },
      history: { data: history, dims: [size, longestHistory] },
      users: { data: users, dims: [size, itemUsers] },
      userLogQ: { data: userLogQ, dims: [size, 1] },
      itemLogQ: { data: itemLogQ, dims: [1, size] },
      negatives: { data: this.#falseNegatives(events), dims: [size, size] },
    };
    if (profileWidth > 0) feeds.profile = { data: profile, dims: [size, profileWidth] };
    if (itemFieldsWidth > 0) feeds.fields = { data: fields, dims: [size, itemFieldsWidth] };
    return { feeds, userRows: this.#userRows, itemRows: this.#itemRows };
  }

  #maskedOr(row: number, rate: number): number {
    return rate > 0 && this.#random.next() < rate ? 0 : row + 1;
  }

  /** The user's events before this one, newest first; a masked entry stays out, as if padded at the end. */
  #fillHistory(out: BigInt64Array, at: number, user: number, event: number): void {
    const oldest = Math.max(this.#histories.offsets[user]!, event - this.#config.longestHistory);
    let next = at;
    for (let past = event - 1; past >= oldest; past--) {
      const row = this.#maskedOr(this.#histories.itemRows[past]!, this.#config.maskHistoryId);
      if (row !== 0) out[next++] = BigInt(this.#itemRows.localOf(row));
    }
  }

  /** Users of the item drawn at random without the pair's own; all of them where there are few. */
  #fillUsers(out: BigInt64Array, at: number, item: number, own: number): void {
    const { offsets, users } = this.#itemUsers;
    const from = offsets[item]!;
    const count = offsets[item + 1]! - from;
    const wanted = this.#config.itemUsers;
    let next = at;
    if (count <= wanted) {
      for (let i = from; i < from + count; i++) {
        if (users[i] !== own) out[next++] = BigInt(this.#userRows.localOf(users[i]! + 1));
      }
      return;
    }
    for (let draw = 0; draw < wanted; draw++) {
      const user = users[from + this.#random.below(count)]!;
      if (user !== own) out[next++] = BigInt(this.#userRows.localOf(user + 1));
    }
  }

  /**
   * B x B, 0 or MASKED: column j is no negative of row i when user i has item j in the training events, or when both
   * rows have the same item. The diagonal, the positives, is 0.
   */
  #falseNegatives(events: Uint32Array): Float32Array {
    const size = this.#batchSize;
    const { offsets, itemRows } = this.#histories;
    const mask = new Float32Array(size * size);
    for (let i = 0; i < size; i++) {
      const user = this.#pairs.userOf[events[i]!]!;
      this.#stamp++;
      for (let event = offsets[user]!; event < offsets[user + 1]!; event++)
        this.#seenBy[itemRows[event]!] = this.#stamp;
      for (let j = 0; j < size; j++) {
        if (j !== i && this.#seenBy[itemRows[events[j]!]!] === this.#stamp) mask[i * size + j] = MASKED;
      }
    }
    return mask;
  }
}

/** share x log(how often each row is drawn as a target); rows that are never drawn get 0. */
export function logFrequencies(drawn: Uint32Array, rowCount: number, share: number): Float32Array {
  const counts = new Float32Array(rowCount);
  for (const row of drawn) counts[row]!++;
  return counts.map((count) => (count === 0 ? 0 : share * Math.log(count / drawn.length)));
}

function copyCodes(from: Int32Array, row: number, to: BigInt64Array, i: number, width: number): void {
  for (let c = 0; c < width; c++) to[i * width + c] = BigInt(from[row * width + c]!);
}
