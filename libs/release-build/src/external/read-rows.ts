import { readBytes } from '@mic/release';

/** Rows of float32 numbers, one behind the other. */
export interface Rows {
  readonly values: Float32Array;
  /** As the file says it; null where it says nothing (`.f32`). */
  readonly shape: readonly number[] | null;
}

const NPY_MAGIC = Buffer.from('\x93NUMPY', 'latin1');

/**
 * Id rows by the file's ending: `.f32` little-endian float32 numbers alone (numpy's `rows.astype('<f4').tofile(path)`),
 * `.npy` what `numpy.save` writes, of float32 in C order.
 *
 * @throws Error whose message says what is wrong, without the file's name.
 */
export async function readRows(path: string): Promise<Rows> {
  if (!path.endsWith('.f32') && !path.endsWith('.npy')) {
    throw new Error('must end in .f32 (little-endian float32) or .npy (numpy.save)');
  }
  const bytes = await readBytes(path);
  if (path.endsWith('.npy')) return parseNpy(bytes);
  if (bytes.length % 4 !== 0) throw new Error(`has ${bytes.length} bytes, no whole number of float32`);
  return { values: new Float32Array(bytes.buffer), shape: null };
}

/** NumPy's format: magic, version, length of the header, the header (a Python literal), the numbers. */
function parseNpy(bytes: Uint8Array<ArrayBuffer>): Rows {
  const view = Buffer.from(bytes.buffer);
  if (!view.subarray(0, NPY_MAGIC.length).equals(NPY_MAGIC) || view.length < 12) throw new Error('is no .npy file');
  const start = view[6] === 1 ? 10 : 12;
  const end = start + (view[6] === 1 ? view.readUInt16LE(8) : view.readUInt32LE(8));
  const header = view.toString('latin1', start, end);
  const descr = /'descr': *'([^']*)'/.exec(header)?.[1];
  const shape = /'shape': *\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || shape === undefined) throw new Error('is no .npy file of plain numbers');
  if (descr !== '<f4') throw new Error(`has elements of type ${descr}, not <f4: save rows.astype('<f4')`);
  if (header.includes("'fortran_order': True")) {
    throw new Error('is in Fortran order: save numpy.ascontiguousarray(rows)');
  }
  const axes = shape.split(',').filter((axis) => axis.trim() !== '').map(Number); // prettier-ignore
  const count = axes.reduce((product, axis) => product * axis, 1);
  if (view.length - end !== 4 * count) {
    throw new Error(`has ${view.length - end} bytes of numbers, and its shape [${axes.join(', ')}] needs ${4 * count}`);
  }
  return { values: new Float32Array(bytes.slice(end).buffer), shape: axes };
}
