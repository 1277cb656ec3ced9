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
