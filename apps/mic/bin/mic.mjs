#!/usr/bin/env node
// Committed launcher: npm links a workspace bin only if its target exists at install time; the program itself is built by `npm run setup`.
import { existsSync } from 'node:fs';

const program = new URL('../dist/main.mjs', import.meta.url);
if (!existsSync(program)) {
  console.error('mic: the command line is not built yet; run `npm run setup` in the repository root.');
  process.exit(1);
}
await import(program.href);
