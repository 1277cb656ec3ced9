import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashIds, HashRows, MicError } from '@mic/domain';
import { featureSchemaSchema, towerSignatureSchema, type FieldSpec, type TowerSignature } from '@mic/features';
import { z } from 'zod';
import { listsProblem, paddedRowsProblem, valuesProblem, vectorsProblem } from './check-values';
import { readColumn, type Column, type ColumnType } from './columns';
import type { FileProblem } from './file-problem';
import { RELEASE_FILES as FILES, stringTableFiles } from './layout';
import type { Manifest } from './manifest';
import { readBytes } from './read-bytes';
import { NO_REST, type Rest } from './rest';
import { StringTable, stringTableProblem } from './string-table';

/** Names by category number; number 0 is "none". */
export const categoryNamesSchema = z.tuple([z.literal('')], z.string());

const REMEDY = 'build a new release, and report this one: its bytes are as they were written, but they make no sense';

/**
 * What does not fit in a release whose bytes are all as its manifest promises, one problem a file at most.
 * @param options the files that are looked at, all by default; what is called between them.
 */
export async function contentProblems(
  directory: string,
  manifest: Manifest,
  { used, rest = NO_REST }: { readonly used?: ReadonlySet<string>; readonly rest?: Rest } = {},
): Promise<FileProblem[]> {
  const problems: FileProblem[] = [];
  const isUsed = (path: string): boolean => used?.has(path) ?? true;
  const report = (path: string, found: string | null, expected: string): void => {
    if (found !== null) problems.push({ path, problem: 'content', expected, found, remedy: REMEDY });
  };
  const readJson = async <T>(path: string, schema: z.ZodType<T>): Promise<T | null> => {
    if (!isUsed(path)) return null;
    const parsed = await readReleaseJson(directory, path, schema).catch(toMessage);
    if (typeof parsed !== 'string') return parsed.value;
    report(path, parsed, 'JSON of the right shape');
    return null;
  };
  /** Reads count x width elements and applies a check to them. */
  const check = async <T extends Column>(
    path: string,
    type: ColumnType<T>,
    count: number,
    width: number,
    find: (column: T) => string | null,
  ): Promise<void> => {
    if (!isUsed(path)) return;
    await rest();
    const column = await readColumn(join(directory, path), type).catch(toMessage);
    const expected = `${count} x ${width} numbers`;
    if (typeof column === 'string') report(path, column, expected);
    else if (column.length !== count * width) report(path, `${column.length} numbers`, expected);
    else report(path, find(column), 'numbers in their range');
  };
  const checkIds = async (base: string, count: number): Promise<readonly string[] | null> => {
    const [utf8Path, offsetsPath] = stringTableFiles(base);
    if (!isUsed(utf8Path)) return null;
    await rest();
    const utf8 = await readBytes(join(directory, utf8Path));
    const offsets = await readColumn(join(directory, offsetsPath), Uint32Array).catch(() => new Uint32Array(0));
    if (offsets.length !== count + 1) {
      report(offsetsPath, `${offsets.length} offsets`, `${count + 1} offsets`);
      return null;
    }
    const problem = stringTableProblem(utf8, offsets);
    if (problem !== null) {
      report(offsetsPath, problem, 'ascending offsets into the text');
      return null;
    }
    const ids = new StringTable(utf8, offsets).slice();
    report(utf8Path, duplicateProblem(ids), 'different ids, none empty');
    return ids;
  };

  const { users, items, categories } = manifest.counts;
  const { dimension } = manifest;
  const schema = await readJson(FILES.featureSchema, featureSchemaSchema);
  const signature = await readJson(FILES.towerSignature, towerSignatureSchema);
  const names = await readJson(FILES.categoryNames, categoryNamesSchema);
  const byPath = new Map(manifest.files.map((file) => [file.path, file]));
  if (byPath.get(FILES.featureSchema)!.sha256 !== manifest.featureSchemaSha256) {
    report(FILES.featureSchema, 'another sha256', `the manifest's featureSchemaSha256 ${manifest.featureSchemaSha256}`);
  }
  for (const path of [FILES.userTower, FILES.itemTower]) {
    if (byPath.get(path)!.bytes === 0) report(path, 'an empty file', 'an ONNX model');
  }
  if (names && names.length !== categories + 1) {
    report(FILES.categoryNames, `${names.length} names`, `${categories} names after the first, ''`);
  }
  if (schema && signature) {
    const found = signatureProblem(signature, manifest, codeLimits(schema.userFields), codeLimits(schema.itemFields));
    report(FILES.towerSignature, found, "the manifest's dimension and the feature schema's widths");
  }

  await checkIds(FILES.userIds, users);
  const itemIds = await checkIds(FILES.itemIds, items);
  const hashes = itemIds && hashIds(itemIds);
  await check(FILES.itemHashes, Uint32Array, items, 2, (words) =>
    hashes?.every((word, i) => word === words[i]) === false ? 'hashes of other ids' : null,
  );
  if (signature) {
    const { idDimension, itemIdDimension, profileWidth, itemFieldsWidth } = signature;
    const userLimits = schema ? codeLimits(schema.userFields) : [];
    const itemLimits = schema ? codeLimits(schema.itemFields) : [];
    await check(FILES.userEmbeddings, Float32Array, users, idDimension, valuesProblem);
    await check(FILES.itemEmbeddings, Float32Array, items, itemIdDimension, valuesProblem);
    await check(FILES.userProfiles, Int32Array, users, profileWidth, (codes) => codesProblem(codes, userLimits));
    await check(FILES.itemFields, Int32Array, items, itemFieldsWidth, (codes) => codesProblem(codes, itemLimits));
  }
  await check(FILES.userVectors, Float32Array, users, dimension, (vectors) => vectorsProblem(vectors, dimension));
  await check(FILES.itemVectors, Float32Array, items, dimension, (vectors) => vectorsProblem(vectors, dimension));
  await check(FILES.itemPopularity, Float32Array, items, 1, (values) => valuesProblem(values, 0));
  await check(FILES.itemCategories, Uint32Array, items, 1, (codes) => codesProblem(codes, [categories]));
  const { u2u, i2i, u2i, popular } = manifest.lists;
  const ofUsers = { listCount: users, width: u2u.length, rowCount: users, withoutSelf: true };
  const ofItems = { listCount: items, width: i2i.length, rowCount: items, withoutSelf: true };
  const forUsers = { listCount: users, width: u2i.length, rowCount: items, withoutSelf: false };
  for (const [rowsPath, similaritiesPath, shape] of [
    [FILES.u2uRows, FILES.u2uSimilarities, ofUsers],
    [FILES.i2iRows, FILES.i2iSimilarities, ofItems],
    ...(u2i.length > 0 ? [[FILES.u2iRows, FILES.u2iSimilarities, forUsers] as const] : []),
  ] as const) {
    let rows: Uint32Array | null = null;
    await check(rowsPath, Uint32Array, shape.listCount, shape.width, (column) => {
      rows = column;
      return null;
    });
    await check(similaritiesPath, Float32Array, shape.listCount, shape.width, (similarities) => {
      const problem = rows && listsProblem(rows, similarities, shape);
      if (problem?.in === 'rows') report(rowsPath, problem.message, 'lists of rows, padded at their ends');
      return problem?.in === 'similarities' ? problem.message : null;
    });
  }
  await check(FILES.itemPopular, Uint32Array, categories + 1, popular.length, (rows) => {
    return paddedRowsProblem(rows, popular.length, items);
  });
  return problems;
}

/** Reads a JSON file of a release. @throws MicError DATA_LOSS when it does not fit its schema. */
export async function readReleaseJson<T>(
  directory: string,
  path: string,
  schema: z.ZodType<T>,
): Promise<{ readonly value: T }> {
  const text = await readFile(join(directory, path), 'utf8');
  try {
    return { value: schema.parse(JSON.parse(text)) };
  } catch (cause) {
    const message = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new MicError('DATA_LOSS', `${path}: ${message}`, { subject: path, cause });
  }
}

function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Highest code of each column of encoded fields. */
function codeLimits(fields: readonly FieldSpec[]): number[] {
  return fields.flatMap((field) => {
    if (field.type === 'numeric') return [field.boundaries.length + 1];
    return Array.from({ length: field.type === 'multi' ? field.width : 1 }, () => field.vocabulary.length);
  });
}

function codesProblem(codes: Int32Array | Uint32Array, limits: readonly number[]): string | null {
  for (let i = 0; i < codes.length; i++) {
    const limit = limits[i % limits.length]!;
    if (codes[i]! < 0 || codes[i]! > limit) {
      return `row ${Math.floor(i / limits.length)} has the code ${codes[i]}, above ${limit} or below 0`;
    }
  }
  return null;
}

function duplicateProblem(ids: readonly string[]): string | null {
  const empty = ids.indexOf('');
  if (empty >= 0) return `row ${empty} is empty`;
  try {
    new HashRows(hashIds(ids));
    return null;
  } catch (error) {
    return toMessage(error);
  }
}

function signatureProblem(
  signature: TowerSignature,
  manifest: Manifest,
  userLimits: readonly number[],
  itemLimits: readonly number[],
): string | null {
  const expected = {
    dimension: manifest.dimension,
    profileWidth: userLimits.length,
    itemFieldsWidth: itemLimits.length,
  };
  for (const [name, value] of Object.entries(expected)) {
    const found = signature[name as keyof typeof expected];
    if (found !== value) return `${name} ${found}, not ${value}`;
  }
  return null;
}
