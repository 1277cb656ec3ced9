import type { Random } from '@mic/domain';
import { matmulTopK } from '@mic/matrix';
import { dot, normaliseRows } from '@mic/vectors';

/** Rows that the centroids are fitted to at most. */
const SAMPLE = 20_000;
const ITERATIONS = 10;

/** Groups of unit vectors. */
export interface Clusters {
  /** clusters x dimension, unit vectors. */
  readonly centroids: Float32Array;
  /** Rows by cluster: cluster c has rows [offsets[c], offsets[c + 1]). */
  readonly offsets: Uint32Array;
  readonly rows: Uint32Array;
}

/**
 * Spherical k-means with k-means++ seeding (Arthur and Vassilvitskii, SODA 2007; distance 1 - cosine), fitted to a sample
 * of at most 20,000 rows; every row then belongs to its nearest centroid.
 *
 * @param vectors rows x dimension, unit vectors.
 */
export async function kMeans(
  vectors: Float32Array,
  dimension: number,
  wanted: number,
  random: Random,
): Promise<Clusters> {
  const count = vectors.length / dimension;
  const clusters = Math.min(wanted, count);
  const sample = sampleOf(vectors, dimension, random);
  const centroids = seed(sample, dimension, clusters, random);
  for (let i = 0; i < ITERATIONS; i++)
    moveCentroids(centroids, sample, dimension, await assign(sample, centroids, dimension));
  return { centroids, ...membersOf(await assign(vectors, centroids, dimension), clusters) };
}

function sampleOf(vectors: Float32Array, dimension: number, random: Random): Float32Array {
  const count = vectors.length / dimension;
  if (count <= SAMPLE) return vectors;
  const order = Uint32Array.from({ length: count }, (_, row) => row);
  random.shuffle(order);
  const sample = new Float32Array(SAMPLE * dimension);
  order.subarray(0, SAMPLE).forEach((row, i) => {
    sample.set(vectors.subarray(row * dimension, (row + 1) * dimension), i * dimension);
  });
  return sample;
}

/** k-means++: each next centroid is a row drawn with the chance of its squared distance to the nearest one so far. */
function seed(vectors: Float32Array, dimension: number, clusters: number, random: Random): Float32Array {
  const count = vectors.length / dimension;
  const centroids = new Float32Array(clusters * dimension);
  const distances = new Float32Array(count).fill(4);
  let row = random.below(count);
  for (let c = 0; c < clusters; c++) {
    centroids.set(vectors.subarray(row * dimension, (row + 1) * dimension), c * dimension);
    let total = 0;
    for (let i = 0; i < count; i++) {
      const distance = Math.max(0, 2 - 2 * dot(vectors, i, centroids, c, dimension));
      if (distance < distances[i]!) distances[i] = distance;
      total += distances[i]!;
    }
    let at = random.next() * total;
    row = 0;
    while (row < count - 1 && (at -= distances[row]!) > 0) row++;
  }
  return centroids;
}

async function assign(vectors: Float32Array, centroids: Float32Array, dimension: number): Promise<Uint32Array> {
  const queryCount = vectors.length / dimension;
  const rowCount = centroids.length / dimension;
  return (await matmulTopK({ queries: vectors, queryCount, matrix: centroids, rowCount, dimension, k: 1 })).rows;
}

/** Each centroid becomes the mean of its rows, made a unit vector; one without rows stays. */
function moveCentroids(centroids: Float32Array, vectors: Float32Array, dimension: number, of: Uint32Array): void {
  const sums = new Float32Array(centroids.length);
  of.forEach((cluster, row) => {
    for (let d = 0; d < dimension; d++) sums[cluster * dimension + d]! += vectors[row * dimension + d]!;
  });
  normaliseRows(sums, dimension);
  for (let at = 0; at < sums.length; at += dimension) {
    const sum = sums.subarray(at, at + dimension);
    if (sum.some((value) => value !== 0)) centroids.set(sum, at);
  }
}

function membersOf(of: Uint32Array, clusters: number): Pick<Clusters, 'offsets' | 'rows'> {
  const offsets = new Uint32Array(clusters + 1);
  for (const cluster of of) offsets[cluster + 1]!++;
  for (let c = 0; c < clusters; c++) offsets[c + 1]! += offsets[c]!;
  const next = offsets.slice();
  const rows = new Uint32Array(of.length);
  of.forEach((cluster, row) => (rows[next[cluster]!++] = row));
  return { offsets, rows };
}
