import type { HistoryTable, Random } from '@mic/domain';
import type { OnnxValue } from '@mic/onnx-tower';
import { MASKED } from '../losses/softmax';
import { RELATIONS, type MinedPairs } from '../mining/mined-pairs';
import { queriesOf, type PartSize } from '../loop/step-graph';
import { ENCODERS } from '../model/encoders';
import { readsItemFields, readsProfile, type ModelShape } from '../model/model';
import type { EncodedFields } from './encoded-fields';
import { logChance, sharesOf } from './frequencies';
import { Int64Buffer, toInt64 } from './int64';
import type { ItemUserLists, ShortList } from './item-user-lists';
import { seenPairs, usersOfTargets } from './seen-items';
import { UniqueRows } from './unique-rows';
import { barSame, ViewPartners } from './view-partners';
import type { Window } from './windows';

/** The id tables; row 0 of each is the mask row, row r + 1 belongs to data row r. */
export interface IdTables {
  readonly users: Float32Array;
  readonly items: Float32Array;
}

/** A part of a step: what its graph is fed, and the table rows whose gradients it gives. */
export interface Part {
  readonly feeds: Record<string, OnnxValue>;
  readonly userRows: Uint32Array;
  readonly itemRows: Uint32Array;
  /** Candidates whose short list of users takes a gradient. */
  readonly shortLists: readonly ShortList[];
}

export interface PartRequest {
  readonly windows: readonly Window[];
  readonly size: PartSize;
  /** What one target counts: 1 / targets of the step. */
  readonly targetWeight: number;
  /** What the losses over pairs count: 1 / parts of the step. */
  readonly share: number;
  readonly random: Random;
  /** What was mined last; null where the part has no mined pairs. */
  readonly mined: MinedPairs | null;
}

/** Turns windows into the feeds of a step graph. */
export class PartAssembler {
  readonly #histories: HistoryTable;
  readonly #fields: EncodedFields;
  readonly #shape: ModelShape;
  readonly #tables: IdTables;
  readonly #lists: ItemUserLists | null;
  readonly #partners: ViewPartners;
  readonly #userRows: UniqueRows;
  readonly #itemRows: UniqueRows;
  readonly #itemShares: Float64Array;
  readonly #userShares: Float64Array;
  /** Candidate of each item in the part at hand, where its stamp is this part's. */
  readonly #candidateOf: Uint32Array;
  readonly #stamps: Uint32Array;
  #stamp = 0;
  #allFields: BigInt64Array | null = null;

  constructor(
    histories: HistoryTable,
    fields: EncodedFields,
    shape: ModelShape,
    tables: IdTables,
    lists: ItemUserLists | null,
    windows: Iterable<Window>,
  ) {
    this.#histories = histories;
    this.#fields = fields;
    this.#shape = shape;
    this.#tables = tables;
    this.#lists = lists;
    this.#partners = new ViewPartners(histories, shape.config.mic);
    this.#userRows = new UniqueRows(histories.userCount + 1);
    this.#itemRows = new UniqueRows(histories.itemCount + 1);
    this.#itemShares = sharesOf(histories.itemRows, histories.itemCount);
    this.#userShares = sharesOf(eachTargetsUser(windows), histories.userCount);
    this.#candidateOf = new Uint32Array(histories.itemCount);
    this.#stamps = new Uint32Array(histories.itemCount);
  }

  /** The result's rows are valid until the next call. */
  assemble({ windows, size, targetWeight, share, random, mined }: PartRequest): Part {
    const { config } = this.#shape;
    this.#userRows.reset();
    this.#itemRows.reset();
    if (size.full) for (let row = 1; row < size.candidates; row++) this.#itemRows.localOf(row);
    const all = ENCODERS[config.encoder].positions === 'all';
    const queries = queriesOf(this.#shape, size);
    const perUser = queries / size.users;
    const feeds: Record<string, OnnxValue> = {};

    // Targets and their places: query q belongs to window floor(q / perUser).
    const targets = new Int32Array(queries).fill(-1);
    const weight = new Float32Array(queries);
    windows.forEach(({ from, to }, w) => {
      const slots = all ? Math.min(to - from, perUser) : 1;
      for (let i = 0; i < slots; i++) {
        const q = (w + 1) * perUser - 1 - i;
        targets[q] = to - 1 - i;
        weight[q] = targetWeight;
      }
    });
    feeds.weight = { data: weight, dims: [queries] };
    const candidateItems = this.#fillCandidates(feeds, size, targets, random);
    this.#fillUsers(feeds, '', size.users, size.length, windows, config.mask, random);
    if (config.softmax.maskSeen) feeds.seen = this.#seen(windows, size);
    const pairs = size.pairs > 0 ? this.#fillPairs(feeds, size, targets, windows, perUser, share, random) : null;
    if (pairs && size.mined) this.#fillMined(feeds, mined!, pairs, random);
    const shortLists = this.#fillItems(feeds, size, candidateItems, targets, windows, pairs, random);

    const { dimension } = config.model;
    const rows = (unique: UniqueRows, table: Float32Array): OnnxValue => ({
      data: unique.gather(table, dimension),
      dims: [unique.rows.length, dimension],
    });
    feeds.itemRows = rows(this.#itemRows, this.#tables.items);
    if (config.features.userId) feeds.userRows = rows(this.#userRows, this.#tables.users);
    return { feeds, userRows: this.#userRows.rows, itemRows: this.#itemRows.rows, shortLists };
  }

  /** @returns item row of each candidate, -1 for the mask row and for padding. */
  #fillCandidates(feeds: Record<string, OnnxValue>, size: PartSize, targets: Int32Array, random: Random): Int32Array {
    const { config } = this.#shape;
    const { itemRows } = this.#histories;
    const bias = new Float32Array(size.candidates);
    const target = new Int64Buffer(targets.length);
    const ids = new Int64Buffer(size.candidates);
    const rows = new Int64Buffer(size.candidates);
    this.#stamp++;
    const idOf = (local: number): number => (random.next() < config.mask.itemId ? 0 : local);
    const items = new Int32Array(size.candidates).fill(-1);
    if (size.full) {
      bias[0] = MASKED;
      for (let row = 1; row < size.candidates; row++) items[row] = row - 1;
      targets.forEach((event, q) => {
        target.set(q, event < 0 ? 0 : itemRows[event]! + 1);
      });
      for (let row = 1; row < size.candidates; row++) ids.set(row, idOf(row));
    } else {
      const count = targets.reduce((n, event) => n + Number(event >= 0), 0);
      const log = logChance(this.#itemShares, count, config.softmax.negatives);
      let filled = 0;
      const add = (item: number): void => {
        if (this.#stamps[item] === this.#stamp) return;
        this.#stamps[item] = this.#stamp;
        this.#candidateOf[item] = filled;
        const local = this.#itemRows.localOf(item + 1);
        items[filled] = item;
        rows.set(filled, local);
        ids.set(filled, idOf(local));
        bias[filled++] = -config.softmax.logQ * log(item);
      };
      targets.forEach((event, q) => {
        if (event < 0) return;
        add(itemRows[event]!);
        target.set(q, this.#candidateOf[itemRows[event]!]!);
      });
      for (let i = 0; i < config.softmax.negatives; i++) add(random.below(this.#histories.itemCount));
      bias.fill(MASKED, filled);
      if (readsItemFields(this.#shape)) {
        feeds.candidateRows = { data: rows.values, dims: [size.candidates] };
      }
    }
    feeds.target = { data: target.values, dims: [targets.length] };
    feeds.bias = { data: bias, dims: [1, size.candidates] };
    if (!size.full || config.mask.itemId > 0) feeds.candidateIds = { data: ids.values, dims: [size.candidates] };
    return items;
  }

  /** History, presence, id and profile of windows' users; `end` of a window is its last target. */
  #fillUsers(
    feeds: Record<string, OnnxValue>,
    prefix: string,
    users: number,
    length: number,
    windows: readonly Window[],
    rates: { readonly userId: number; readonly historyId: number; readonly field?: number },
    random: Random,
  ): void {
    const history = new Int64Buffer(users * length);
    const items = new Int64Buffer(users * length);
    const present = new Float32Array(users * length);
    const own = new Int64Buffer(users);
    const { profileWidth, profiles } = this.#fields;
    const profile = new Int64Buffer(users * profileWidth);
    for (let u = 0; u < users; u++) {
      present[(u + 1) * length - 1] = 1;
      const window = windows[u];
      if (!window) continue;
      const start = this.#histories.offsets[window.user]!;
      for (let age = 0; age < length; age++) {
        const event = window.to - 2 - age;
        if (event < start - 1) break;
        const at = (u + 1) * length - 1 - age;
        present[at] = 1;
        if (event < start) break; // the slot before the first event has the mask row
        const local = this.#itemRows.localOf(this.#histories.itemRows[event]! + 1);
        items.set(at, local);
        if (random.next() >= rates.historyId) history.set(at, local);
      }
      if (random.next() >= rates.userId && this.#shape.config.features.userId) {
        own.set(u, this.#userRows.localOf(window.user + 1));
      }
      this.#copyCodes(
        profiles,
        window.user,
        profileWidth,
        profile,
        u,
        this.#shape.userLayout,
        rates.field ?? 0,
        random,
      );
    }
    feeds[`${prefix}history`] = { data: history.values, dims: [users, length] };
    if (readsItemFields(this.#shape)) {
      feeds[`${prefix}historyItems`] = { data: items.values, dims: [users, length] };
    }
    feeds[`${prefix}present`] = { data: present, dims: [users, length] };
    if (this.#shape.config.features.userId) feeds[`${prefix}user`] = { data: own.values, dims: [users] };
    if (readsProfile(this.#shape)) feeds[`${prefix}profile`] = { data: profile.values, dims: [users, profileWidth] };
  }

  /** Copies a row of codes field by field; a masked field is 0. */
  #copyCodes(
    from: Int32Array,
    row: number,
    width: number,
    to: Int64Buffer,
    at: number,
    layout: ModelShape['userLayout'],
    rate: number,
    random: Random,
  ): void {
    for (const place of layout.places) {
      if (rate > 0 && random.next() < rate) continue;
      for (let i = place.offset; i < place.offset + place.width; i++) to.set(at * width + i, from[row * width + i]!);
    }
  }

  /** [B, 1, C]: 1 for the items of each window's user. */
  #seen(windows: readonly Window[], size: PartSize): OnnxValue {
    const mask = new Uint8Array(size.users * size.candidates);
    const { offsets, itemRows } = this.#histories;
    windows.forEach(({ user }, u) => {
      for (let event = offsets[user]!; event < offsets[user + 1]!; event++) {
        const item = itemRows[event]!;
        if (size.full) mask[u * size.candidates + item + 1] = 1;
        else if (this.#stamps[item] === this.#stamp) mask[u * size.candidates + this.#candidateOf[item]!] = 1;
      }
    });
    return { data: mask, dims: [size.users, 1, size.candidates] };
  }

  #fillPairs(
    feeds: Record<string, OnnxValue>,
    size: PartSize,
    targets: Int32Array,
    windows: readonly Window[],
    perUser: number,
    share: number,
    random: Random,
  ): Window[] {
    const { config } = this.#shape;
    const { itemRows } = this.#histories;
    const { pairs } = size;
    const real = Uint32Array.from(targets.keys()).filter((q) => targets[q]! >= 0);
    random.shuffle(real);
    const rows = Uint32Array.from({ length: pairs }, (_, i) => real[i % real.length]!);
    const chosen = Array.from(rows, (q) => {
      const { user } = windows[Math.floor(q / perUser)]!;
      return { user, from: targets[q]!, to: targets[q]! + 1 };
    });
    const items = chosen.map(({ from }) => itemRows[from]!);
    const users = chosen.map(({ user }) => user);
    feeds.pairs = { data: toInt64(rows), dims: [pairs] };
    feeds.pairShare = { data: Float32Array.of(share), dims: [] };
    const biases = (shares: Float64Array, of: readonly number[]): OnnxValue => {
      const log = logChance(shares, pairs, 0);
      return { data: Float32Array.from(of, (row) => -config.mic.logQ * log(row)), dims: [1, of.length] };
    };
    if (config.mic.itemToUser.weight > 0) {
      feeds.pairUserBias = biases(this.#userShares, users);
      feeds.pairUserSeen = { data: seenPairs(this.#histories, users, items), dims: [pairs, 1, pairs] };
    }
    const { view, userUser, itemItem } = config.mic;
    if (userUser.weight > 0) {
      const partners = this.#partners.users(chosen, random);
      const views = partners.map(({ user }) => user);
      feeds.userViewSame = { data: barSame(users, views), dims: [2 * pairs, 2 * pairs] };
      feeds.userViewBias = biases(this.#userShares, [...users, ...views]);
      this.#fillUsers(feeds, 'view:', pairs, size.viewLength, partners, view, random);
    }
    if (itemItem.weight > 0) {
      const views = this.#partners.items(chosen);
      feeds.itemViewSame = { data: barSame(items, views), dims: [2 * pairs, 2 * pairs] };
      feeds.itemViewBias = biases(this.#itemShares, [...items, ...views]);
      this.#fillItemViews(feeds, views, random);
    }
    return chosen;
  }

  #fillItemViews(feeds: Record<string, OnnxValue>, items: readonly number[], random: Random): void {
    const { config, itemLayout } = this.#shape;
    const { itemId, field } = config.mic.view;
    const ids = new Int64Buffer(items.length);
    const { itemFields, itemFieldsWidth } = this.#fields;
    const codes = new Int64Buffer(items.length * itemFieldsWidth);
    items.forEach((item, i) => {
      if (random.next() >= itemId) ids.set(i, this.#itemRows.localOf(item + 1));
      this.#copyCodes(itemFields, item, itemFieldsWidth, codes, i, itemLayout, field, random);
    });
    feeds['view:item'] = { data: ids.values, dims: [items.length] };
    if (readsItemFields(this.#shape)) {
      feeds['view:itemFields'] = { data: codes.values, dims: [items.length, itemFieldsWidth] };
    }
  }

  /** Vectors of a positive and a negative of each side of the pairs, for every relation. */
  #fillMined(feeds: Record<string, OnnxValue>, mined: MinedPairs, pairs: readonly Window[], random: Random): void {
    const { dimension } = this.#shape.config.model;
    for (const relation of RELATIONS) {
      const [positives, negatives] = [0, 1].map(() => new Float32Array(pairs.length * dimension)) as [
        Float32Array,
        Float32Array,
      ];
      pairs.forEach(({ user, from }, i) => {
        const anchor = relation.startsWith('user') ? user : this.#histories.itemRows[from]!;
        mined.copy(relation, mined.positive(relation, anchor, random), positives, i * dimension);
        mined.copy(relation, mined.negative(relation, anchor, random), negatives, i * dimension);
      });
      feeds[`mined:${relation}:positive`] = { data: positives, dims: [pairs.length, dimension] };
      feeds[`mined:${relation}:negative`] = { data: negatives, dims: [pairs.length, dimension] };
    }
  }

  /** Content of the step's items; users are left out of the lists of their targets. */
  #fillItems(
    feeds: Record<string, OnnxValue>,
    size: PartSize,
    candidateItems: Int32Array,
    targets: Int32Array,
    windows: readonly Window[],
    pairs: readonly Window[] | null,
    random: Random,
  ): ShortList[] {
    const { config, itemLayout } = this.#shape;
    const rows = this.#itemRows.rows;
    if (readsItemFields(this.#shape)) {
      feeds.itemFields = { data: this.#codesOf(rows), dims: [rows.length, itemLayout.width] };
    }
    if (!this.#lists) return [];
    const { dimension } = config.model;
    const perUser = targets.length / size.users;
    const targetOf = usersOfTargets(this.#histories, windows, targets, perUser);
    const asNew = maskedIn(feeds.candidateIds);
    const { means, shortLists } = this.#lists.meansWithout(candidateItems, targetOf, asNew, random);
    feeds.itemUsers = { data: means, dims: [candidateItems.length, dimension] };
    if (pairs && 'view:item' in feeds) {
      const { historyId } = config.mic.view;
      const users = pairs.map(({ user }) => user);
      const items = this.#partners.items(pairs);
      const views = this.#lists.sampledWithout(items, users, 1 - historyId, maskedIn(feeds['view:item']), random);
      feeds['view:itemUsers'] = { data: views, dims: [pairs.length, dimension] };
    }
    return shortLists;
  }

  /** Encoded fields of table rows; the mask row's are all missing. */
  #codesOf(rows: Uint32Array): BigInt64Array {
    const { itemFields, itemFieldsWidth: width } = this.#fields;
    const whole = rows.length === this.#histories.itemCount + 1;
    if (whole && this.#allFields) return this.#allFields;
    const codes = new Int64Buffer(rows.length * width);
    rows.forEach((row, i) => {
      if (row > 0) for (let c = 0; c < width; c++) codes.set(i * width + c, itemFields[(row - 1) * width + c]!);
    });
    if (whole && rows.every((row, i) => row === i)) this.#allFields = codes.values;
    return codes.values;
  }
}

/** Which places of a feed of ids have the mask row; an item without its id plays a new one. */
function maskedIn(ids: OnnxValue | undefined): (place: number) => boolean {
  const rows = ids?.data as BigInt64Array | undefined;
  return (place) => rows?.[place] === 0n;
}

function* eachTargetsUser(windows: Iterable<Window>): Iterable<number> {
  for (const { user, from, to } of windows) for (let i = from; i < to; i++) yield user;
}
