import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Dataset } from '@mic/dataset';
import { featureSchemaSchema, layoutOf, type FeatureSchema, type FieldSpec, type TowerSignature } from '@mic/features';
import { z } from 'zod';

/** Reports one thing that does not fit. */
export type Report = (problem: string) => void;

/**
 * The fields of a signature: those that stand in it, or in the file that it names; none but the dataset's category where it
 * says nothing. Held against the shapes of the inputs and the fields of the dataset.
 */
export async function readFeatures(
  { features, userTower, itemTower }: TowerSignature,
  folder: string,
  dataset: Dataset,
  report: Report,
): Promise<FeatureSchema> {
  const none: FeatureSchema = { userFields: [], itemFields: [], categoryField: dataset.info.categoryField };
  const schema =
    typeof features === 'string' ? await readSchema(resolve(folder, features), features, report) : features;
  if (features !== undefined && !schema) return none;
  const found = schema ?? none;
  const sides = [
    ['userFields', 'profile', found.userFields, userTower.inputs.profile],
    ['itemFields', 'fields', found.itemFields, itemTower.inputs.fields],
  ] as const;
  for (const [key, input, fields, tensor] of sides) {
    const { places, width } = layoutOf(fields);
    const wanted = tensor?.shape[1] ?? 0;
    const codes = places.map((place) => `${place.name} ${place.width}`).join(', ');
    if (width !== wanted) {
      const has = tensor ? `the input ${input} takes ${wanted}` : `there is no input ${input}`;
      report(`features.${key} give ${width} codes of a row${codes ? ` (${codes})` : ''}, and ${has}`);
    }
    for (const field of fields) fieldProblems(field).forEach((problem) => { report(`features.${key}: ${problem}`); }); // prettier-ignore
  }
  // Nothing is encoded: the dataset says whether it has the fields.
  for (const check of [
    () => dataset.loadUserProfiles(found, []),
    () => dataset.loadItemFields(found, []),
    () => dataset.loadItemCategories(found, []),
  ]) {
    await check().catch((error: unknown) => {
      report(`features: ${(error as Error).message}`);
    });
  }
  return found;
}

async function readSchema(path: string, name: string, report: Report): Promise<FeatureSchema | null> {
  try {
    const parsed = featureSchemaSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    if (parsed.success) return parsed.data;
    report(`features ${name}: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, ' ')}`);
  } catch (error) {
    report(`features ${name}: ${(error as Error).message}`);
  }
  return null;
}

function fieldProblems(field: FieldSpec): string[] {
  if (field.type === 'numeric') {
    const at = field.boundaries.findIndex((value, i) => i > 0 && value <= field.boundaries[i - 1]!);
    return at < 0 ? [] : [`boundary ${at} of ${field.name} (${field.boundaries[at]}) is not above the one before it`];
  }
  const seen = new Set<string>();
  const twice = field.vocabulary.find((value) => seen.size === seen.add(value).size);
  return twice === undefined ? [] : [`the vocabulary of ${field.name} has ${JSON.stringify(twice)} twice`];
}
