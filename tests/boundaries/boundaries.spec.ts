import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const eslint = new ESLint({ cwd: root });

/** Lints a text as if it were the content of an existing file, and gives the rules that it breaks. */
async function rulesBroken(filePath: string, text: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(text, { filePath: `${root}/${filePath}` });
  return result!.messages.map((message) => message.ruleId);
}

describe('a planted violation', () => {
  it.each([
    ['a pure library that imports an adapter', 'libs/domain/src/errors.ts', "import '@mic/dataset';\n"],
    ['an online library that imports an offline one', 'libs/rpc/src/server.ts', "import '@mic/dataset';\n"],
    ['a service that imports what callers use', 'libs/recall-api/src/index.ts', "import '@mic/client';\n"],
    ['a library that imports an app', 'libs/rerank/src/index.ts', "import '../../../apps/mic/src/main';\n"],
  ])('%s is refused', async (_what, filePath, text) => {
    expect(await rulesBroken(filePath, text)).toContain('@nx/enforce-module-boundaries');
  });

  it('of I/O in a pure library is refused', async () => {
    const text = "import { readFileSync } from 'node:fs';\nexport const read = readFileSync;\n";
    expect(await rulesBroken('libs/rerank/src/index.ts', text)).toContain('no-restricted-imports');
  });

  it('of a nameless re-export is refused', async () => {
    expect(await rulesBroken('libs/domain/src/index.ts', "export * from './errors';\n")).toContain(
      'no-restricted-syntax',
    );
  });

  it('leaves an allowed import alone', async () => {
    const text = "import { NO_ROW } from '@mic/domain';\n\nexport const none = NO_ROW;\n";
    expect(await rulesBroken('libs/recall/src/index.ts', text)).toEqual([]);
  });
});
