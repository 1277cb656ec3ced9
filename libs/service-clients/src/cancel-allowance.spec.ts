import { expect, it } from 'vitest';
import { CancelAllowance } from './cancel-allowance';

it('allows 20 at once, then one every 50 ms, and never saves more than 20', () => {
  let now = 0;
  const allowance = new CancelAllowance(() => now);
  const taken = (): number => Array.from({ length: 30 }, () => allowance.take()).filter(Boolean).length;
  expect(taken()).toBe(20);
  now = 49;
  expect(taken()).toBe(0);
  now = 100;
  expect(taken()).toBe(2);
  now = 100_000;
  expect(taken()).toBe(20);
});
