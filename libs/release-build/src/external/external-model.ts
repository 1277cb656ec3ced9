import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Dataset } from '@mic/dataset';
import { MicError } from '@mic/domain';
import { deriveWidths, signatureFileSchema, type SignatureFile, type TowerSignature } from '@mic/features';
import type { z } from 'zod';
import type { ReleaseModel, ReleaseModelInfo } from '../release-model';
import { HISTORY_CAP, loadHeldOut } from './held-out';
import { openTowers } from './open-towers';
import { readFeatures } from './read-features';
import { readSources } from './read-sources';
import { fitNotes, fitVocabularies, foreignProblems, type VocabularyFits } from './vocabulary';

/** Where towers that were trained elsewhere are. */
export interface ExternalFiles {
  /** ONNX files. */
  readonly userTower: string;
  readonly itemTower: string;
  /** JSON file of the form that towers/signature.json of a release has (see signatureFileSchema). */
  readonly signature: string;
}

/** What a release says of towers that were trained elsewhere. */
export interface ExternalModelInfo extends ReleaseModelInfo {
  readonly source: 'external';
  /** sha256 of the signature file, hex. */
  readonly signatureSha256: string;
  readonly vocabulary: VocabularyFits;
}

export interface ExternalModel extends ReleaseModel {
  readonly info: ExternalModelInfo;
  /** What whoever builds should know: users, items and events that are left out, why there is no quality. */
  readonly notes: readonly string[];
}

/**
 * Opens towers that were trained elsewhere and holds them against their signature, their vocabularies and a dataset:
 * names, element types, shapes; numbers of ids and rows; codes; what they give on probes.
 *
 * @throws MicError FAILED_PRECONDITION that lists everything that does not fit; NOT_FOUND when there is no signature.
 */
export async function openExternalModel(files: ExternalFiles, dataset: Dataset): Promise<ExternalModel> {
  const { file, sha256 } = await readSignature(files.signature);
  const folder = dirname(files.signature);
  const { widths, problems: inside } = deriveWidths(file);
  const signature: TowerSignature = { ...file, ...widths };
  const problems = inside.map((problem) => `signature: ${problem}`);
  const report = (problem: string): void => {
    problems.push(problem);
  };
  const interactions = await dataset.loadInteractions({ maxPerUser: file.training?.historyCap ?? HISTORY_CAP });
  const schema = await readFeatures(signature, folder, dataset, report);
  const sources = await readSources(signature, folder, interactions.userIds, report);
  const vocabulary = fitVocabularies(interactions, sources);
  if (sources.itemIds.length > 0) problems.push(...foreignProblems(vocabulary, interactions, sources));
  const probed = { signature, schema, ...sources, items: sources.itemIds.length, sound: inside.length === 0 };
  const towers = await openTowers(files, probed, report);
  if (problems.length > 0) throw misfit(files.signature, problems);
  const { info, notes } = await loadHeldOut(dataset, signature, sources);
  return {
    schema,
    signature,
    ...sources,
    ...towers,
    info: {
      encoder: file.encoder,
      dataset: dataset.info.name,
      ...info,
      source: 'external',
      signatureSha256: sha256,
      vocabulary,
    },
    notes: [...fitNotes(vocabulary), ...notes],
  };
}

async function readSignature(path: string): Promise<{ readonly file: SignatureFile; readonly sha256: string }> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new MicError('NOT_FOUND', `the signature ${path} cannot be read: ${(cause as Error).message}`, {
      subject: path,
      remedy: 'give a file of the form of towers/signature.json of a release; docs/towers.md tells it',
      cause,
    });
  });
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw misfit(path, [`signature: is no JSON: ${(error as Error).message}`]);
  }
  const parsed = signatureFileSchema.safeParse(json);
  if (!parsed.success) throw misfit(path, parsed.error.issues.flatMap(issueLines));
  return { file: parsed.data, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function issueLines({ path, message, ...issue }: z.core.$ZodIssue): string[] {
  const at = path.length > 0 ? `signature: ${path.join('.')}: ` : 'signature: ';
  const missing = issue.code === 'invalid_type' && message.endsWith('received undefined');
  return [`${at}${missing ? 'is missing' : message}`];
}

function misfit(signature: string, problems: readonly string[]): MicError {
  return new MicError(
    'FAILED_PRECONDITION',
    `the towers do not fit ${signature}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    {
      subject: signature,
      remedy: 'correct the signature, or export the towers again; docs/towers.md tells what is fed',
    },
  );
}
