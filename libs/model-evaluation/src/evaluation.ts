import type { Interval, Mask, RankingMetrics, TestProtocol } from '@mic/evaluation';

/** Whether the users' histories stay as they were at the cut, or grow with every event. */
export const HISTORY_MODES = ['frozen', 'live'] as const;
export type HistoryMode = (typeof HISTORY_MODES)[number];

/** Figures of some cases, such as those that ask for items nobody was trained on. */
export interface CutFigures {
  readonly cases: number;
  readonly metrics: Readonly<Record<string, RankingMetrics>>;
}

/** What the three channels are to one another. */
export interface ChannelFigures {
  /** Mean Jaccard index of the candidates of two channels, by `u2i ~ u2i2i` and so on. */
  readonly overlap: Readonly<Record<string, number>>;
  /** All candidates together against the U2I list of the same length. */
  readonly union: { readonly meanLength: number; readonly hitRate: number; readonly u2iOfSameLength: number };
}

/** How much of the catalogue the first k places of all lists show. */
export interface CatalogueFigures {
  /** Share of the items that some list has. */
  readonly coverage: Readonly<Record<string, number>>;
  /** Share of the places that items outside the most popular fifth have. */
  readonly longTail: Readonly<Record<string, number>>;
}

/** Items that training has not seen, over the shift that they are moved by. */
export type ColdCurve = readonly {
  readonly shift: number;
  /** Of the cases that ask for such an item. */
  readonly metrics: RankingMetrics;
  /** Of the cases that ask for other items. */
  readonly otherItems: RankingMetrics;
  /** Share of the first 50 places of all U2I lists that such items take. */
  readonly exposure: number;
}[];

/** How items that training has not seen are found. */
export interface ColdFigures {
  readonly items: number;
  /** Cases that ask for one, and their share of all. */
  readonly cases: number;
  readonly demand: number;
  /** Every user of such an item known but the one who asks for it. */
  readonly withAllUsers: ColdCurve;
  /** Users of such an item that are known at most in the next curve. */
  readonly firstUsers: number;
  readonly withFirstUsers: ColdCurve;
  readonly fieldsAlone: ColdCurve;
}

/** One model of several that differ by their seed. */
export interface ModelFigures {
  readonly seed: number;
  readonly metrics: Readonly<Record<string, RankingMetrics>>;
}

/** The report of an evaluation: what `mic evaluate --json` writes. */
export interface Evaluation {
  readonly formatVersion: 1;
  readonly dataset: string;
  readonly encoder: string;
  readonly protocol: TestProtocol;
  readonly mask: Mask;
  readonly histories: HistoryMode;
  /** ISO 8601; null for protocols without a cut. */
  readonly cut: string | null;
  readonly users: number;
  readonly cases: number;
  /** Lengths at which lists are measured. */
  readonly at: readonly number[];
  /** Mean over cases (and models) by list; null where a list could not be made. */
  readonly metrics: Readonly<Record<string, RankingMetrics | null>>;
  /** Why a list is null. */
  readonly missing: Readonly<Record<string, string>>;
  /** 95 % intervals of the means over cases. */
  readonly intervals: Readonly<Record<string, Readonly<Record<string, Interval>>>>;
  /** Differences of two lists case by case with 95 % intervals, by `merged - u2i` and so on. */
  readonly differences: Readonly<Record<string, Readonly<Record<string, Interval>>>>;
  /** Each model alone, and each of those that they are compared with. */
  readonly models: readonly ModelFigures[];
  readonly against: readonly ModelFigures[];
  /** Figures of subsets of the cases. */
  readonly cuts: Readonly<Record<string, CutFigures>>;
  readonly channels: ChannelFigures;
  /** Of the first model; null where training has seen every item (data.coldItems = 0). */
  readonly coldItems: ColdFigures | null;
  readonly catalogue: Readonly<Record<string, CatalogueFigures>>;
  /** What was chosen for each reference method. */
  readonly references: Readonly<Record<string, Readonly<Record<string, number | string>>>>;
}
