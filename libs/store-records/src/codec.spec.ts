import { describe, expect, it } from 'vitest';
import { decodeHistory, decodeList, decodeUser, encodeHistory, encodeList, encodeUser } from './codec';

describe('packed records', () => {
  it('refuse to be read when they are cut or of another version', () => {
    const list = encodeList({ rows: Uint32Array.of(1, 2), scores: Float32Array.of(0.5, 0.25) });
    expect(decodeList(list)).toEqual({ rows: Uint32Array.of(1, 2), scores: Float32Array.of(0.5, 0.25) });
    expect(() => decodeList(list.subarray(0, -1))).toThrow(/damaged/);
    list[0] = 9;
    expect(() => decodeList(list)).toThrow(/of another version \(9\)/);
    const user = encodeUser({
      row: 3,
      embedding: Float32Array.of(1),
      profile: Int32Array.of(),
      similarRows: Uint32Array.of(4),
      similarities: Float32Array.of(0.5),
    });
    // Pooled buffers start anywhere: a copy at an odd offset must decode too.
    const shifted = Buffer.concat([Buffer.of(0), user]).subarray(1);
    expect(decodeUser(shifted)).toMatchObject({ row: 3, similarRows: Uint32Array.of(4) });
    expect(() => decodeUser(user.subarray(0, 24))).toThrow(/damaged/);
  });

  it('of a history give the newest events, at any offset', () => {
    const history = {
      itemHashes: Uint32Array.of(1, 2, 0xffffffff, 4),
      timesMs: Float64Array.of(253_402_300_799_999, 0.5),
      weights: Float32Array.of(1, 0.1),
    };
    const packed = encodeHistory(history);
    expect(packed.length).toBe(41);
    const shifted = Buffer.concat([Buffer.of(0), packed]).subarray(1);
    expect(decodeHistory(shifted)).toEqual(history);
    expect(decodeHistory(shifted, 1)).toEqual({
      itemHashes: Uint32Array.of(1, 2),
      timesMs: Float64Array.of(253_402_300_799_999),
      weights: Float32Array.of(1),
    });
    expect(decodeHistory(undefined).timesMs.length).toBe(0);
    expect(() => decodeHistory(packed.subarray(0, 40))).toThrow(/damaged/);
  });
});
