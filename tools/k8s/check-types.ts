import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { nameOf, type KubernetesObject, type Problem } from './objects';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FILE = join(root, 'objects-of-a-build.ts');
const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  lib: ['lib.es5.d.ts'],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const CODE = {
  noModule: 2307,
  noMember: 2694,
  unknownField: 2353,
  misspeltField: 2561,
  missingFields: [2739, 2740, 2741],
};

const BARE = /^[A-Za-z]\w*$/;

/** Parsed declarations, kept: they are the same for every build. */
const declarations = new Map<string, ts.SourceFile | undefined>();

/**
 * Holds objects against the declarations of the Kubernetes API: each becomes a constant of its type, and what the
 * compiler says about it is a problem with the field that it is about.
 */
export function checkTypes(objects: readonly KubernetesObject[]): Problem[] {
  const lines = objects.map(
    (object, index) => `const o${index}: import('${moduleOf(object)}').${word(object.kind)} = ${literal(object)};`,
  );
  const source = ts.createSourceFile(FILE, lines.join('\n'), ts.ScriptTarget.ES2022, true);
  const host = ts.createCompilerHost(OPTIONS);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...how) => {
    if (name === FILE) return source;
    if (!declarations.has(name)) declarations.set(name, read(name, ...how));
    return declarations.get(name);
  };
  host.fileExists = (name) => name === FILE || ts.sys.fileExists(name);
  const program = ts.createProgram([FILE], OPTIONS, host);
  return program.getSemanticDiagnostics(source).map((diagnostic) => {
    const { line } = source.getLineAndCharacterOfPosition(diagnostic.start!);
    return problemOf(diagnostic, objects[line]!, fieldAt(source, diagnostic.start!));
  });
}

/** `apps/v1` is declared in kubernetes-types/apps/v1, `v1` in core/v1, `networking.k8s.io/v1` in networking/v1. */
function moduleOf({ apiVersion }: KubernetesObject): string {
  const [version, group = 'core'] = String(apiVersion).split('/').reverse() as [string, string?];
  return `kubernetes-types/${word(group.split('.')[0])}/${word(version)}`;
}

/** As JSON.stringify, with bare keys where they can be: the compiler has suggestions for those alone. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const fields = Object.entries(value).map(
    ([key, of]) => `${BARE.test(key) ? key : JSON.stringify(key)}:${literal(of)}`,
  );
  return `{${fields.join(',')}}`;
}

/** Only what a name may consist of: the text ends up in source code. */
const word = (text: unknown): string => String(text).replace(/\W/g, '') || 'none';

function problemOf(diagnostic: ts.Diagnostic, object: KubernetesObject, field: string): Problem {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
  const about = { object: nameOf(object), field };
  switch (diagnostic.code) {
    case CODE.noModule:
    case CODE.noMember:
      return {
        object: about.object,
        field: 'kind',
        problem: `kind ${object.kind} of ${object.apiVersion} is unknown`,
        remedy: 'use a kind and version of Kubernetes 1.30',
      };
    case CODE.unknownField:
    case CODE.misspeltField: {
      const meant = /Did you mean to write '(\w+)'/.exec(text)?.[1];
      const [name, type] = [...text.matchAll(/'([^']+)'/g)].map((match) => match[1]!.replaceAll('"', ''));
      const remedy = meant === undefined ? 'remove it, or move it to where it belongs' : `write ${meant}`;
      return { ...about, problem: `${type} has no field ${name}`, remedy };
    }
    default: {
      const missing = CODE.missingFields.includes(diagnostic.code);
      return { ...about, problem: text, remedy: missing ? 'add what is missing' : 'give a value of that type' };
    }
  }
}

/** Path of the field whose text is at a position, e.g. `spec.ports[0].port`. */
function fieldAt(source: ts.SourceFile, position: number): string {
  let field = '';
  const visit = (node: ts.Node): void => {
    if (position < node.getStart(source) || position >= node.getEnd()) return;
    if (ts.isPropertyAssignment(node) && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name))) {
      field += `.${node.name.text}`;
    }
    if (ts.isArrayLiteralExpression(node)) {
      const index = node.elements.findIndex((e) => position >= e.getStart(source) && position < e.getEnd());
      if (index >= 0) field += `[${index}]`;
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return field.slice(1) || 'the object';
}
