import { RELEASE_FILES as FILES, stringTableFiles, type IndexInfo, type Manifest } from '@mic/release';

/** A figure of two releases; null where one has none. */
export interface Compared {
  readonly name: string;
  readonly a: number | null;
  readonly b: number | null;
  /** b - a. */
  readonly difference: number | null;
}

/** A text of two releases. */
export interface ComparedText {
  readonly name: string;
  readonly a: string;
  readonly b: string;
}

/** A figure of the gate: its bounds are those of the second release, and of the first where that one alone has it. */
export interface ComparedCheck extends Compared {
  readonly least: number | null;
  readonly most: number | null;
  readonly passedA: boolean | null;
  readonly passedB: boolean | null;
  readonly noteA: string | null;
  readonly noteB: string | null;
}

export function compareTexts(a: Manifest, b: Manifest): ComparedText[] {
  const texts = (manifest: Manifest): Record<string, string> => ({
    release: manifest.id,
    created: manifest.createdAt,
    parent: manifest.parent ?? 'none',
    dataset: manifest.dataset,
    encoder: manifest.encoder,
    'trained with protocol': protocolOf(manifest),
    'item index': showIndex(manifest.index),
    'user index': showIndex(manifest.userIndex),
    'feature schema': manifest.featureSchemaSha256.slice(0, 12),
    'held-out protocol': manifest.quality.protocol,
    gate: manifest.gate.passed ? 'passed' : 'failed',
  });
  const [ofA, ofB] = [texts(a), texts(b)];
  return Object.entries(ofA).map(([name, text]) => ({ name, a: text, b: ofB[name]! }));
}

/** Counts, dimension, recalls of the indexes, lengths and recalls of the lists. */
export function compareShape(a: Manifest, b: Manifest): Compared[] {
  const figures = ({ counts, dimension, index, userIndex, lists }: Manifest): Figures => ({
    ...counts,
    dimension,
    'items.recallAt100': recallOf(index),
    'users.recallAt100': recallOf(userIndex),
    ...Object.fromEntries(
      Object.entries(lists).flatMap(([name, list]) => [
        [`${name}.length`, list.length],
        ...('recall' in list && list.length > 0 ? [[`${name}.recall`, list.recall]] : []),
      ]),
    ),
  });
  return compare(figures(a), figures(b));
}

/** Figures on held-out events, e.g. `u2i HR@50`; each release on its own ones. */
export function compareQuality(a: Manifest, b: Manifest): Compared[] {
  const figures = ({ quality }: Manifest): Figures => ({
    users: quality.users,
    ...Object.fromEntries(
      Object.entries(quality.metrics).flatMap(([list, metrics]) =>
        Object.entries(metrics).map(([name, value]) => [`${list} ${name}`, value]),
      ),
    ),
  });
  return compare(figures(a), figures(b));
}

export function compareGate(a: Manifest, b: Manifest): ComparedCheck[] {
  const [ofA, ofB] = [a, b].map(({ gate }) => new Map(gate.checks.map((check) => [check.name, check]))) as [
    Map<string, Manifest['gate']['checks'][number]>,
    Map<string, Manifest['gate']['checks'][number]>,
  ];
  return [...new Set([...ofA.keys(), ...ofB.keys()])].map((name) => {
    const [inA, inB] = [ofA.get(name), ofB.get(name)];
    return {
      ...compared(name, inA?.value ?? null, inB?.value ?? null),
      least: (inB ?? inA)!.least,
      most: (inB ?? inA)!.most,
      passedA: inA?.passed ?? null,
      passedB: inB?.passed ?? null,
      noteA: inA?.note ?? null,
      noteB: inB?.note ?? null,
    };
  });
}

/** Seconds of each stage, of all of them together (some run beside one another), and the build's largest memory. */
export function compareBuilds(a: Manifest, b: Manifest): Compared[] {
  const figures = ({ build }: Manifest): Figures => ({
    ...Object.fromEntries(build.stages.map(({ name, seconds }) => [`${name} seconds`, seconds])),
    'all stages seconds': build.stages.reduce((sum, { seconds }) => sum + seconds, 0),
    'peak memory bytes': build.peakBytes,
  });
  return compare(figures(a), figures(b));
}

/** Bytes of a release's files by what they hold. */
export function compareSizes(a: Manifest, b: Manifest): Compared[] {
  const figures = ({ files }: Manifest): Figures => {
    const sums = new Map(Object.keys(KINDS).map((kind) => [kind, 0]));
    for (const { path, bytes } of files) {
      const kind = Object.keys(KINDS).find((name) => KINDS[name]!.includes(path)) ?? 'other';
      sums.set(kind, (sums.get(kind) ?? 0) + bytes);
    }
    return { ...Object.fromEntries(sums), all: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  };
  return compare(figures(a), figures(b));
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  towers: [FILES.userTower, FILES.itemTower, FILES.towerSignature],
  ids: [...stringTableFiles(FILES.userIds), ...stringTableFiles(FILES.itemIds), FILES.itemHashes],
  'id rows': [FILES.userEmbeddings, FILES.itemEmbeddings],
  fields: [FILES.featureSchema, FILES.userProfiles, FILES.itemFields, FILES.itemCategories, FILES.categoryNames],
  vectors: [FILES.userVectors, FILES.itemVectors],
  indexes: [FILES.userIndex, FILES.itemIndex],
  'similar users': [FILES.u2uRows, FILES.u2uSimilarities],
  'similar items': [FILES.i2iRows, FILES.i2iSimilarities],
  'items for users': [FILES.u2iRows, FILES.u2iSimilarities],
  popularity: [FILES.itemPopularity, FILES.itemPopular],
};

type Figures = Readonly<Record<string, number>>;

function compare(a: Figures, b: Figures): Compared[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].map((name) =>
    compared(name, a[name] ?? null, b[name] ?? null),
  );
}

function compared(name: string, a: number | null, b: number | null): Compared {
  return { name, a, b, difference: a === null || b === null ? null : b - a };
}

const recallOf = (index: IndexInfo): number => (index.kind === 'hnsw' ? index.recallAt100 : 1);

const showIndex = (index: IndexInfo): string =>
  index.kind === 'hnsw' ? `hnsw, m ${index.m}, efConstruction ${index.efConstruction}, ef ${index.ef}` : 'exact';

function protocolOf({ training }: Manifest): string {
  const protocol = typeof training.protocol === 'string' ? training.protocol : 'unknown';
  return training.source === 'external' ? `${protocol} (trained elsewhere)` : protocol;
}
