import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MicError } from '@mic/domain';
import { featureSchemaSchema, towerSignatureSchema } from '@mic/features';
import { readColumn, readStringTable, writeColumn, writeStringTable } from '@mic/release';
import { modelInfoSchema, type TrainedModel } from './trained-model';

/** Files of a model folder; U users, I items, E = idDimension, F = itemIdDimension; numbers are little-endian. */
const FILES = {
  info: 'model.json',
  schema: 'schema.json',
  signature: 'signature.json',
  userTower: 'user.onnx',
  itemTower: 'item.onnx',
  /** String tables. */
  userIds: 'users',
  itemIds: 'items',
  /** U x E and I x F float32. */
  userRows: 'user-rows.f32',
  itemRows: 'item-rows.f32',
  /** Names and shapes of the dense parameters, in the order in which their values follow one another. */
  parameters: 'parameters.json',
  parameterValues: 'parameters.f32',
} as const;

const parametersSchema = z.array(z.strictObject({ name: z.string(), shape: z.array(z.int().min(0)) }));

/** Writes a model into a folder; model.json comes last, so that a folder that has it is whole. */
export async function saveModel(dir: string, model: TrainedModel): Promise<void> {
  const at = (file: string): string => join(dir, file);
  await mkdir(dir, { recursive: true });
  await rm(at(FILES.info), { force: true });
  await writeFile(at(FILES.schema), toJson(model.schema));
  await writeFile(at(FILES.signature), toJson(model.signature));
  await writeFile(at(FILES.userTower), model.userTower);
  await writeFile(at(FILES.itemTower), model.itemTower);
  await writeStringTable(at(FILES.userIds), model.userIds);
  await writeStringTable(at(FILES.itemIds), model.itemIds);
  await writeColumn(at(FILES.userRows), model.userRows);
  await writeColumn(at(FILES.itemRows), model.itemRows);
  const parameters = Object.entries(model.parameters);
  await writeFile(at(FILES.parameters), toJson(parameters.map(([name, { shape }]) => ({ name, shape }))));
  await writeColumn(at(FILES.parameterValues), joined(parameters.map(([, { values }]) => values)));
  await writeFile(at(`${FILES.info}.new`), toJson(model.info));
  await rename(at(`${FILES.info}.new`), at(FILES.info));
}

/** @throws MicError NOT_FOUND when the folder is no model, DATA_LOSS when a file of it is missing or damaged. */
export async function openModel(dir: string): Promise<TrainedModel> {
  const at = (file: string): string => join(dir, file);
  const info = await readJson(at(FILES.info), modelInfoSchema, () => {
    return new MicError('NOT_FOUND', `${dir} is not a model: it has no ${FILES.info}`, {
      subject: dir,
      remedy: 'train one with `mic train --data DIR --out DIR`',
    });
  });
  try {
    const signature = await readJson(at(FILES.signature), towerSignatureSchema);
    const userIds = (await readStringTable(at(FILES.userIds))).slice(0);
    const itemIds = (await readStringTable(at(FILES.itemIds))).slice(0);
    const userRows = await readColumn(at(FILES.userRows), Float32Array);
    const itemRows = await readColumn(at(FILES.itemRows), Float32Array);
    const { idDimension, itemIdDimension } = signature;
    if (userRows.length !== userIds.length * idDimension || itemRows.length !== itemIds.length * itemIdDimension) {
      throw new RangeError('the id rows do not fit the number of users and items');
    }
    return {
      info,
      schema: await readJson(at(FILES.schema), featureSchemaSchema),
      signature,
      userIds,
      itemIds,
      userRows,
      itemRows,
      userTower: await readFile(at(FILES.userTower)),
      itemTower: await readFile(at(FILES.itemTower)),
      parameters: divided(
        await readJson(at(FILES.parameters), parametersSchema),
        await readColumn(at(FILES.parameterValues), Float32Array),
      ),
    };
  } catch (error) {
    throw new MicError('DATA_LOSS', `the model in ${dir} is damaged: ${(error as Error).message}`, {
      subject: dir,
      remedy: 'train it again',
      cause: error,
    });
  }
}

function joined(all: readonly Float32Array[]): Float32Array {
  const values = new Float32Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of all) {
    values.set(part, at);
    at += part.length;
  }
  return values;
}

function divided(shapes: z.infer<typeof parametersSchema>, values: Float32Array): TrainedModel['parameters'] {
  let at = 0;
  const parameters = shapes.map(({ name, shape }) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    at += size;
    return [name, { shape, values: values.slice(at - size, at) }] as const;
  });
  if (at !== values.length) throw new RangeError('the values of the parameters do not fit their shapes');
  return Object.fromEntries(parameters);
}

const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function readJson<T>(path: string, schema: z.ZodType<T>, missing?: () => MicError): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw missing?.() ?? error;
  }
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new MicError('DATA_LOSS', `${path}: ${z.prettifyError(parsed.error)}`, { subject: path });
}
