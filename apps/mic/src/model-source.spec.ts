import { expect, it } from 'vitest';
import { modelSource } from './model-source';

const FILES = { userTower: 'u.onnx', itemTower: 'i.onnx', signature: 's.json' };

it('takes a folder, or three files', () => {
  expect(modelSource({ model: 'runs/a' })).toBe('runs/a');
  expect(modelSource(FILES)).toEqual(FILES);
});

it.each([
  [{ model: 'a', ...FILES }, '--model and --user-tower, --item-tower, --signature exclude one another'],
  [{ model: 'a', signature: 's.json' }, '--model and --signature exclude one another'],
  [{}, 'there is no model to build a release from'],
  [{ userTower: 'u.onnx' }, '--user-tower needs --item-tower and --signature'],
  [{ userTower: 'u.onnx', signature: 's.json' }, '--user-tower and --signature needs --item-tower'],
])('refuses %j', (flags, message) => {
  expect(() => modelSource(flags)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message }));
});
