/** @param range of user ids, as PREFIX:DIGITS:COUNT: `user-:5:2` is user-00000 and user-00001. */
export function userIdsOf(range: string): string[] {
  const [prefix, digits, count] = range.split(':') as [string, string, string];
  return Array.from({ length: Number(count) }, (_, i) => prefix + String(i).padStart(Number(digits), '0'));
}
