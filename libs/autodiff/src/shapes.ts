import { MicError } from '@mic/domain';
import { showShape, type Dim } from './tensor';

function refuse(op: string, why: string): never {
  throw new MicError('INVALID_ARGUMENT', `${op}: ${why}`);
}

/** Shape of an elementwise result under numpy's broadcasting rules. @throws MicError naming both shapes */
export function broadcastShapes(op: string, a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      refuse(op, `shapes ${showShape(a)} and ${showShape(b)} do not broadcast`);
    }
    result.push(left === 1 ? right : left);
  }
  return result;
}

/** Shape of a matrix product [..., m, k] x [..., k, n]; leading axes must be equal, or absent on the right. */
export function matmulShape(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const sameLead = b.length === 2 || (a.length === b.length && a.slice(0, -2).every((dim, i) => dim === b[i]));
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2) || !sameLead) {
    refuse('MatMul', `shapes ${showShape(a)} and ${showShape(b)} do not multiply`);
  }
  return [...a.slice(0, -1), b.at(-1)!];
}

/** An axis counted from the front. */
export function frontAxis(op: string, axis: number, shape: readonly Dim[]): number {
  const front = axis < 0 ? axis + shape.length : axis;
  if (front < 0 || front >= shape.length) refuse(op, `no axis ${axis} in shape ${showShape(shape)}`);
  return front;
}

/** Distinct axes, at least one, counted from the front. */
export function reducedAxes(op: string, axes: readonly number[], shape: readonly Dim[]): number[] {
  const front = axes.map((axis) => frontAxis(op, axis, shape));
  if (front.length === 0 || new Set(front).size < front.length) {
    refuse(op, `axes [${axes.join(', ')}] of shape ${showShape(shape)} must be distinct, and at least one`);
  }
  return front;
}

export function reducedShape(shape: readonly Dim[], axes: readonly number[], keepDims: boolean): Dim[] {
  return shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
}

/** Checks a reshape: fixed sizes must agree; at most one symbolic axis, the same on both sides, leading. */
export function checkReshape(from: readonly Dim[], to: readonly Dim[]): void {
  const symbols = (shape: readonly Dim[]) => shape.filter((dim) => typeof dim === 'string');
  const size = (shape: readonly Dim[]) => shape.reduce<number>((n, dim) => (typeof dim === 'number' ? n * dim : n), 1);
  const [a, b] = [symbols(from), symbols(to)];
  if (a.length > 1 || a.length !== b.length || a[0] !== b[0] || size(from) !== size(to)) {
    refuse('Reshape', `${showShape(from)} does not reshape to ${showShape(to)}`);
  }
}

export function transposedShape(shape: readonly Dim[], permutation: readonly number[]): Dim[] {
  if (permutation.length !== shape.length || shape.some((_, axis) => !permutation.includes(axis))) {
    refuse('Transpose', `[${permutation.join(', ')}] does not reorder the axes of ${showShape(shape)}`);
  }
  return permutation.map((axis) => shape[axis]!);
}

/** Shape of elements start .. end - 1 along an axis, whose length must be fixed. */
export function slicedShape(shape: readonly Dim[], axis: number, start: number, end: number): Dim[] {
  const length = shape[axis]!;
  if (typeof length !== 'number' || !(start >= 0 && start <= end && end <= length)) {
    refuse('Slice', `no elements ${start} .. ${end} along axis ${axis} of ${showShape(shape)}`);
  }
  return shape.map((dim, i) => (i === axis ? end - start : dim));
}

export function paddedShape(shape: readonly Dim[], axis: number, before: number, after: number): Dim[] {
  const length = shape[axis]!;
  if (typeof length !== 'number' || !(before >= 0 && after >= 0)) {
    refuse('Pad', `axis ${axis} of ${showShape(shape)} takes no ${before} zeros before and ${after} after`);
  }
  return shape.map((dim, i) => (i === axis ? length + before + after : dim));
}

/** Checks that a shape broadcasts to exactly another one. */
export function checkExpand(from: readonly Dim[], to: readonly Dim[]): void {
  const joint = broadcastShapes('Expand', from, to);
  if (joint.length !== to.length || joint.some((dim, i) => dim !== to[i])) {
    refuse('Expand', `${showShape(from)} does not expand to ${showShape(to)}`);
  }
}

export function squeezedShape(shape: readonly Dim[], axis: number): Dim[] {
  if (shape[axis] !== 1) refuse('Squeeze', `axis ${axis} of ${showShape(shape)} has not length 1`);
  return shape.filter((_, i) => i !== axis);
}

export function concatShape(shapes: readonly (readonly Dim[])[], axis: number): Dim[] {
  const [first] = shapes;
  let total = 0;
  for (const shape of shapes) {
    const length = shape[axis];
    const fits = shape.length === first!.length && shape.every((dim, i) => i === axis || dim === first![i]);
    if (!fits || typeof length !== 'number') {
      refuse('Concat', `shapes ${shapes.map(showShape).join(', ')} do not join along axis ${axis}`);
    }
    total += length;
  }
  return first!.map((dim, i) => (i === axis ? total : dim));
}
