import { InvalidArgumentError } from 'commander';

/** Parser of a flag that takes a whole number within bounds; commander prints the message beside the flag's name. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
      const range = maximum === Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `${minimum} .. ${maximum}`;
      throw new InvalidArgumentError(`Give a whole number, ${range}.`);
    }
    return value;
  };
}

/** A moment as milliseconds since the epoch. */
export function moment(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(ms)) return ms;
  throw new InvalidArgumentError('give a time such as 2024-05-01T00:00:00Z, or milliseconds since the epoch');
}
