/** True for a relative path with forward slashes that stays inside its folder whatever the folder is. */
export function isSafePath(path: string): boolean {
  return (
    !/[\\:\0]/.test(path) && path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  );
}
