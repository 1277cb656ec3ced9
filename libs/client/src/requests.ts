import type { Channel } from '@mic/domain';

/** A moment: a Date, or whole milliseconds since the epoch (UTC). */
export type Time = Date | number;

/** One raw value of a user or an item, as in the dataset that the model was trained on: one text, a number, or several texts. */
export type FieldValue = string | number | readonly string[];

/** Raw values by name of the feature schema; a field that is left out counts as missing. At most 64. */
export type Fields = Readonly<Record<string, FieldValue>>;

/** An event of the request's user that the store may not know yet. */
export interface InlineEvent {
  /** 1 to 256 bytes of UTF-8. An item that the release does not know counts as seen. */
  readonly itemId: string;
  readonly time: Time;
  /** Strength of the event, above 0; 1 by default. */
  readonly weight?: number;
}

/** Who is asked for, and what may be returned. Only `userId` is required. */
export interface RecallRequest {
  /** 1 to 256 bytes of UTF-8. A user that the release does not know is answered from the history, or by what is popular. */
  readonly userId: string;
  /** Items wanted, 1 to the service's limit; by default what the profile says. */
  readonly n?: number;
  /** Name of the parameter set that answers; by default the one of the user's group. */
  readonly profile?: string;
  /** The release that must answer; by default the current one. */
  readonly releaseId?: string;
  /** At most 500, in any order; merged with the stored history for this request, and not stored. */
  readonly inlineHistory?: readonly InlineEvent[];
  /** Items that must not be returned, at most 10,000. */
  readonly excludeItemIds?: readonly string[];
  /** When not empty, only items of these categories are returned; at most 100. */
  readonly categories?: readonly string[];
  /** When not empty, only these items are returned; at most 10,000. */
  readonly onlyItemIds?: readonly string[];
  /** Return items of the user's history, too. */
  readonly includeSeen?: boolean;
  /** Add the parts of each score, what led to each item, and what was left out and why. */
  readonly explain?: boolean;
  /** The user's fields, in the places of those that the release knows. */
  readonly userFields?: Fields;
  /** Values that take the place of the profile's in this request. */
  readonly overrides?: Overrides;
}

/** What is absent stays as the profile has it. Counts may be raised to the multiple that the profile allows, 4 by default. */
export interface Overrides {
  readonly channels?: Readonly<Partial<Record<Channel, ChannelOverride>>>;
  readonly weights?: WeightOverride;
}

export interface ChannelOverride {
  readonly enabled?: boolean;
  /** Candidates kept at most, 1 or more. */
  readonly quota?: number;
  /** What the channel counts in the repetition of an item, 0 to 100. */
  readonly weight?: number;
  /** Time that the channel may take, milliseconds; never more than the profile's. */
  readonly timeoutMs?: number;
  /** U2I: nearest items. U2U2I: similar users. U2I2I: recent items. POPULAR: favourite categories. 1 or more. */
  readonly triggers?: number;
  /** U2U2I: items of each user. U2I2I: similar items of each. 1 or more. */
  readonly perTrigger?: number;
  /** HNSW search width, 1 or more. */
  readonly ef?: number;
}

/** Weights of the rerank score, each -100 to 100. */
export interface WeightOverride {
  readonly basic?: number;
  readonly repetition?: number;
  readonly diversity?: number;
  readonly similarUsers?: number;
  readonly similarItems?: number;
}

/** This user consumed this item, then. The same user, item and time twice is the same event. */
export interface Event {
  /** 1 to 256 bytes of UTF-8, not blanks alone. */
  readonly userId: string;
  /** 1 to 256 bytes of UTF-8, not blanks alone. It need not be an item of any release. */
  readonly itemId: string;
  readonly time: Time;
  /** Strength of the event, above 0; 1 by default. */
  readonly weight?: number;
}

/** An item that is to be retrievable before the next release. */
export interface Item {
  /** 1 to 256 bytes of UTF-8, not blanks alone. */
  readonly itemId: string;
  readonly fields: Fields;
}

/** What every call may say of itself. */
export interface CallOptions {
  /** Time allowed for the whole call, repetitions included, milliseconds above 0. */
  readonly deadlineMs?: number;
  /** Cancels the call, which then rejects with CANCELLED; the services stop their work. */
  readonly signal?: AbortSignal;
  /** Names the call in the logs of every service: 1 to 128 printable ASCII characters without spaces; a random UUID by default. */
  readonly requestId?: string;
}
