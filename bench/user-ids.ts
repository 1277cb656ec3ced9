/** Ids of users from PREFIX:DIGITS:COUNT, numbered from 0. */
export function userIdsOf(range: string): string[] {
  const [prefix, digits, count] = range.split(':') as [string, string, string];
  return Array.from({ length: Number(count) }, (_, i) => prefix + String(i).padStart(Number(digits), '0'));
}
