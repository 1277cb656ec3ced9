import type { TensorInterface, TowerSignature } from '@mic/features';
import { finishVectors, type OnnxSession } from '@mic/onnx-tower';
import { firstNotUnit } from '@mic/release';
import { probeFeeds, type Probe } from './tower-probes';

/** How far numbers of a unit vector may differ between a run alone and one among others. */
const TOLERANCE = 1e-4;

const NOT_UNIT = 'say "normalise": true in the signature, or let the tower give unit vectors';
const NO_DIRECTION = 'give a masked row, or let the tower have a bias, that leads somewhere';

/**
 * Runs a tower on probes, each alone and all together: what fails, gives another shape, no numbers, no unit vectors, or
 * something else among others than alone.
 *
 * @returns one problem of a kind.
 */
export async function towerProblems(
  session: OnnxSession,
  tower: 'user' | 'item',
  signature: TowerSignature,
  probes: readonly Probe[],
): Promise<string[]> {
  const { inputs, outputs } = tower === 'user' ? signature.userTower : signature.itemTower;
  const [[output, wanted]] = Object.entries(outputs) as [[string, TensorInterface]];
  const problems = new Map<string, string>();
  const report = (kind: string, message: string): void => {
    if (!problems.has(kind)) problems.set(kind, `${tower} tower, ${message}`);
  };
  /** Vectors of some probes, row by row; null when that is reported as a problem. */
  const run = async (asked: readonly Probe[], what: string): Promise<Float32Array | null> => {
    const feeds = probeFeeds(asked, inputs);
    const answer = await session.run(feeds, [output]).catch((error: unknown) => error as Error);
    if (answer instanceof Error) {
      report(`fails ${what}`, `${what}: it fails: ${plainMessage(answer)}`);
      return null;
    }
    const { data, dims } = answer[output]!;
    const expected = [asked.length, ...wanted.shape.slice(1)];
    if (dims.join() === expected.join()) return (data as Float32Array).slice();
    report('shape', `${what}: ${output} is [${dims.join(', ')}], not [${expected.join(', ')}]`);
    return null;
  };
  const alone: (Float32Array | null)[] = [];
  for (const probe of probes) {
    const vectors = await run([probe], probe.what);
    const problem = vectors && vectorProblem(vectors, signature);
    if (problem) report(problem.kind, `${probe.what}: ${output} ${problem.message}`);
    alone.push(problem ? null : vectors);
  }
  const sound = probes.filter((_, i) => alone[i] !== null);
  const together = sound.length > 1 ? await run(sound, `${sound.length} at once`) : null;
  if (together) {
    finishVectors(together, together.length / signature.dimension, signature);
    const width = together.length / sound.length;
    alone
      .filter((vectors) => vectors !== null)
      .forEach((vectors, i) => {
        const difference = largestDifference(vectors, together.subarray(i * width, (i + 1) * width));
        if (difference <= TOLERANCE) return;
        report('batch', `${sound[i]!.what}: ${output} differs by ${difference.toPrecision(3)} between a run alone and one of ${sound.length} at once`); // prettier-ignore
      });
    const again = await run(sound, 'the same once more');
    if (again) finishVectors(again, again.length / signature.dimension, signature);
    const random = again ? largestDifference(together, again) : 0;
    if (random > TOLERANCE) report('random', `the same input twice: ${output} differs by ${random.toPrecision(3)}`);
  }
  await paddingProblem();
  return [...problems.values()];

  /** Where histories may be of any length, padding must not tell. */
  async function paddingProblem(): Promise<void> {
    if (tower !== 'user' || typeof signature.userTower.inputs.history?.shape[1] !== 'string') return;
    for (const [i, padded] of probes.entries()) {
      const vectors = alone[i];
      const history = padded.values.history!;
      const events = Math.max(1, history.filter((code) => code !== 0).length);
      if (!vectors || events === history.length) continue;
      const short = { ...padded, values: { ...padded.values, history: history.slice(0, events) } };
      const unpadded = await run([short], `${padded.what}, without padding`);
      if (!unpadded) continue;
      finishVectors(unpadded, unpadded.length / signature.dimension, signature);
      const difference = largestDifference(vectors, unpadded);
      if (difference <= TOLERANCE) continue;
      report('padding', `${padded.what}: ${output} differs by ${difference.toPrecision(3)} with and without padding`);
    }
  }
}

/** Makes the vectors what serving makes of them, in place. */
function vectorProblem(vectors: Float32Array, signature: TowerSignature): { kind: string; message: string } | null {
  if (!vectors.every(Number.isFinite)) {
    const found = vectors.find((value) => !Number.isFinite(value));
    return { kind: 'finite', message: `has ${found}` };
  }
  const before = firstNotUnit(vectors, signature.dimension);
  if (before?.length === 0) return { kind: 'zero', message: `has length 0, which finds nothing: ${NO_DIRECTION}` };
  if (before && !signature.normalise) {
    return { kind: 'unit', message: `has length ${before.length.toPrecision(4)}, not 1: ${NOT_UNIT}` };
  }
  finishVectors(vectors, vectors.length / signature.dimension, signature);
  return null;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  // Written so that NaN is a difference.
  return a.reduce((most, value, i) => {
    const difference = Math.abs(value - b[i]!);
    return difference <= most ? most : Number.isNaN(difference) ? Infinity : difference;
  }, 0);
}

/** What ONNX Runtime says, without the place in its own source. */
export function plainMessage({ message }: Error): string {
  return message
    .replace(/^the (user|item) tower failed: /, '')
    .replace(/Non-zero status code returned while running (\w+) node\. Name:'[^']*' Status Message: /, '$1: ')
    .replace(/\/onnxruntime_src\/.*?\) (?=\S)/s, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
