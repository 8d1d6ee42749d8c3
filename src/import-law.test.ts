import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** What a file of the room may import of ours (its own room always), of node, and of others. */
interface Law {
  /** Rooms; `room:types` allows `import type` only, a path names one file. */
  readonly ours: readonly string[] | 'all but cli';
  /** A pure room gives the same output for the same input on any machine. */
  readonly pure: boolean;
  readonly packages: readonly string[];
}

const laws: Readonly<Record<string, Law>> = {
  model: { ours: [], pure: true, packages: ['ip-bigint'] },
  routing: { ours: ['model'], pure: true, packages: [] },
  rules: { ours: ['model', 'routing', 'errors'], pure: true, packages: [] },
  kernel: { ours: ['rules', 'errors', 'model', 'routing:types', 'config:types'], pure: false, packages: [] },
  cluster: { ours: ['model', 'errors', 'clock'], pure: false, packages: ['yaml'] },
  config: { ours: ['model', 'routing', 'errors'], pure: false, packages: ['valibot', 'yaml'] },
  observe: {
    ours: ['model', 'routing', 'rules', 'errors', 'clock', 'cluster:types', 'config:types'],
    pure: false,
    packages: ['pino', 'prom-client'],
  },
  agent: { ours: 'all but cli', pure: false, packages: [] },
  cli: { ours: 'all but cli', pure: false, packages: ['commander'] },
  clock: { ours: [], pure: false, packages: [] },
  errors: { ours: ['model/finding.ts'], pure: false, packages: [] },
};

/** All that a pure room may take from node: functions without effect. */
const pureBuiltins: Readonly<Record<string, readonly string[]>> = {
  'node:net': ['isIP', 'isIPv4', 'isIPv6'],
  'node:crypto': ['createHash', 'hash'],
};

const impureText =
  /(?<![\w$.])(?:process\.|Date\.now|new Date\(|Math\.random|console\.|setTimeout|setInterval|performance\.)|\brandom(?:UUID|Bytes|Int|Fill\w*)\b/g;

interface Import {
  readonly line: number;
  readonly from: string;
  readonly typeOnly: boolean;
  /** Names in the braces; undefined for `* as x`, a default import, a bare import and import(). */
  readonly names: readonly string[] | undefined;
}

type Sources = Readonly<Record<string, string>>;

/** Every breach as `file:line: law`. Paths are relative to src. Files of tests may import what they like, except cli. */
function breaches(sources: Sources): string[] {
  const files = Object.entries(sources).map(([file, text]) => ({ file, code: withoutComments(text) }));
  const imports = new Map(files.map(({ file, code }) => [file, importsOf(code)]));
  const found = files.flatMap(({ file, code }) => {
    const told = (imports.get(file) ?? []).flatMap((each) => {
      const broken = isTest(file) ? brokenByTest(file, each) : brokenBy(file, each);
      return broken === undefined ? [] : [{ line: each.line, broken }];
    });
    if (!isTest(file) && laws[roomOf(file)]?.pure) told.push(...impurities(file, code));
    return told.map(({ line, broken }) => `src/${file}:${line}: ${broken}`);
  });
  return [...found, ...cycles(imports)];
}

function brokenBy(file: string, each: Import): string | undefined {
  const room = roomOf(file);
  const law = laws[room];
  if (!law) return `the room ${room} has no law: give it one in import-law.test.ts`;
  if (each.from.startsWith('.')) return brokenByOurs(file, law, each);
  if (each.from.startsWith('node:')) return law.pure ? brokenByBuiltin(room, each) : undefined;
  const name = each.from.match(/^(?:@[^/]+\/)?[^/]+/)?.[0] ?? each.from;
  return law.packages.includes(name) ? undefined : `${room} may not import the package ${each.from}`;
}

function brokenByOurs(file: string, law: Law, each: Import): string | undefined {
  const room = roomOf(file);
  const target = targetOf(file, each.from);
  const targetRoom = roomOf(target);
  if (target.startsWith('..')) return `src imports nothing from outside src (${each.from})`;
  if (isTest(target)) return `only tests import tests (${target})`;
  if (targetRoom === room) return undefined;
  if (targetRoom === 'cli') return `nothing imports cli (${target})`;
  if (law.ours === 'all but cli' || law.ours.includes(targetRoom) || law.ours.includes(target))
    return undefined;
  if (law.ours.includes(`${targetRoom}:types`)) {
    return each.typeOnly ? undefined : `${room} may import only types from ${targetRoom} (${target})`;
  }
  return `${room} may not import from ${targetRoom} (${target})`;
}

function brokenByBuiltin(room: string, each: Import): string | undefined {
  const allowed = pureBuiltins[each.from];
  if (!allowed) return `${room} is pure and may not import ${each.from}`;
  if (each.names?.every((name) => allowed.includes(name))) return undefined;
  return `${room} is pure and may import only ${allowed.join(', ')} from ${each.from}`;
}

function brokenByTest(file: string, each: Import): string | undefined {
  if (!each.from.startsWith('.') || roomOf(file) === 'cli') return undefined;
  const target = targetOf(file, each.from);
  return roomOf(target) === 'cli' ? `nothing imports cli (${target})` : undefined;
}

function impurities(file: string, code: string): { line: number; broken: string }[] {
  return [...withoutStrings(code).matchAll(impureText)].map((match) => ({
    line: lineAt(code, match.index),
    broken: `${roomOf(file)} is pure and may not use ${match[0]}`,
  }));
}

/** One line per cycle, told at the file of the cycle that comes first in the alphabet. */
function cycles(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const told = new Map<string, string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const { key, text } = cycle(path.slice(start), imports);
      told.set(key, text);
    }
    if (start >= 0 || done.has(file)) return;
    for (const each of imports.get(file) ?? []) {
      if (each.from.startsWith('.')) visit(targetOf(file, each.from), [...path, file]);
    }
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return [...told.values()];
}

function cycle(
  files: readonly string[],
  imports: ReadonlyMap<string, readonly Import[]>,
): { key: string; text: string } {
  const first = [...files].sort()[0] ?? '';
  const at = files.indexOf(first);
  const around = [...files.slice(at), ...files.slice(0, at), first];
  const line = imports.get(first)?.find(({ from }) => targetOf(first, from) === around[1])?.line;
  const key = around.join(' → ');
  return { key, text: `src/${first}:${line}: files import each other in a circle (${key})` };
}

/** `import x from`, `export … from`, a bare import, and import() as value or type, in code without comments. */
function importsOf(code: string): Import[] {
  const from = /(?<![\w$.])(?:import|export)\b(?<clause>[\w$*{},\s]*?)\bfrom\s*['"](?<name>[^'"]+)['"]/g;
  const bare = /(?<![\w$.])import\s*['"](?<name>[^'"]+)['"]/g;
  const call = /(?<![\w$.])import\s*\(\s*(?:['"](?<name>[^'"]+)['"]|(?=\S))/g;
  return [from, bare, call]
    .flatMap((pattern) => [...code.matchAll(pattern)])
    .map((match) => ({
      line: lineAt(code, match.index),
      from: match.groups?.['name'] ?? 'a computed name',
      ...clauseOf(match.groups?.['clause'] ?? ''),
    }))
    .sort((a, b) => a.line - b.line);
}

function clauseOf(clause: string): Pick<Import, 'typeOnly' | 'names'> {
  const braces = clause.match(/^\s*(?:type\s*)?\{(.*)\}\s*$/s)?.[1];
  const names = braces
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const allTypes = names !== undefined && names.length > 0 && names.every((name) => name.startsWith('type '));
  return {
    typeOnly: allTypes || /^\s*type\b(?!\s*,)/.test(clause),
    names: names?.map((name) => name.replace(/^type /, '').replace(/ as .*/s, '')),
  };
}

const commentOrString =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g;

function withoutComments(text: string): string {
  return text.replace(commentOrString, (match) => (match.startsWith('/') ? blank(match) : match));
}

/** Templates stay: they hold code. */
function withoutStrings(code: string): string {
  return code.replace(commentOrString, (match) => (match.startsWith('`') ? match : blank(match)));
}

/** Same length and same lines, so that positions stay true. */
function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

function lineAt(code: string, index: number): number {
  return code.slice(0, index).split('\n').length;
}

/** The first folder of the path; a file directly in src is a room by itself. */
function roomOf(file: string): string {
  return file.split('/')[0]?.replace(/\.ts$/, '') ?? file;
}

function targetOf(file: string, from: string): string {
  return posix.join(posix.dirname(file), from);
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts');
}

function sourcesIn(directory: string): Sources {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return Object.fromEntries(files.sort().map((file) => [file, readFileSync(join(directory, file), 'utf8')]));
}

describe('the import law', () => {
  it('holds in src', () => {
    const sources = sourcesIn(dirname(fileURLToPath(import.meta.url)));
    expect(Object.keys(sources)).toContain('import-law.test.ts');
    expect(breaches(sources)).toEqual([]);
  });
});

describe('the keeper of the import law', () => {
  const lawful: readonly (readonly [string, Sources])[] = [
    [
      'a walk along the rooms',
      {
        'errors.ts': `import { findingKinds } from './model/finding.ts';`,
        'model/finding.ts': `import { parseIp } from 'ip-bigint';\nimport { isIP, isIPv6 as is6 } from 'node:net';`,
        'routing/decide.ts': `import type { Finding } from '../model/finding.ts';`,
        'rules/plan.ts': `import { fail } from '../errors.ts';\nimport { createHash } from 'node:crypto';`,
        'kernel/exec.ts': `import { spawn } from 'node:child_process';\nimport type { Finding } from '../model/finding.ts';`,
        'cli/main.ts': `import { Command } from 'commander';\nconst verb = await import('./apply.ts');`,
        'cli/apply.ts': `export { exec } from '../kernel/exec.ts';`,
      },
    ],
    [
      'comments and strings that speak of impure things',
      {
        'model/a.ts': `// import { x } from '../cli/main.ts'; ends the process.\nconst a = 'the process. new Date()'; /* Math.random */`,
      },
    ],
    [
      'a test that uses what it likes',
      {
        'model/a.test.ts': `import { readFileSync } from 'node:fs';\nimport fc from 'fast-check';\nconsole.log(Date.now());`,
      },
    ],
    ['a type inside braces', { 'kernel/a.ts': `import { type A, type B } from '../model/a.ts';` }],
  ];
  it.each(lawful)('lets pass: %s', (_, sources) => {
    expect(breaches(sources)).toEqual([]);
  });

  const unlawful: readonly (readonly [string, Sources, readonly string[]])[] = [
    [
      'a step back on the walk',
      { 'model/a.ts': `\nimport type {\n  Route,\n} from '../routing/route.ts';` },
      ['src/model/a.ts:2: model may not import from routing (routing/route.ts)'],
    ],
    [
      'a re-export',
      { 'rules/a.ts': `export * from '../kernel/exec.ts';` },
      ['src/rules/a.ts:1: rules may not import from kernel (kernel/exec.ts)'],
    ],
    [
      'import() of a file, of a type, of a computed name',
      {
        'cluster/a.ts': `await import('../agent/run.ts');\ntype A = import('../rules/plan.ts').Plan;\nimport(name);`,
      },
      [
        'src/cluster/a.ts:1: cluster may not import from agent (agent/run.ts)',
        'src/cluster/a.ts:2: cluster may not import from rules (rules/plan.ts)',
        'src/cluster/a.ts:3: cluster may not import the package a computed name',
      ],
    ],
    [
      'a bare import',
      { 'observe/a.ts': `import '../agent/run.ts';` },
      ['src/observe/a.ts:1: observe may not import from agent (agent/run.ts)'],
    ],
    [
      'cli from elsewhere, even from a test',
      {
        'agent/a.ts': `import { main } from '../cli/main.ts';`,
        'agent/a.test.ts': `import { main } from '../cli/main.ts';`,
      },
      [
        'src/agent/a.ts:1: nothing imports cli (cli/main.ts)',
        'src/agent/a.test.ts:1: nothing imports cli (cli/main.ts)',
      ],
    ],
    [
      'a value where only types are allowed',
      { 'kernel/a.ts': `import { type A, b } from '../routing/a.ts';` },
      ['src/kernel/a.ts:1: kernel may import only types from routing (routing/a.ts)'],
    ],
    [
      'errors from a file of model other than finding',
      { 'errors.ts': `import { a } from './model/a.ts';` },
      ['src/errors.ts:1: errors may not import from model (model/a.ts)'],
    ],
    [
      'packages outside their room',
      {
        'agent/a.ts': `import pino from 'pino';`,
        'model/a.ts': `import { x } from '@scope/name/sub';`,
      },
      [
        'src/agent/a.ts:1: agent may not import the package pino',
        'src/model/a.ts:1: model may not import the package @scope/name/sub',
      ],
    ],
    [
      'effects of node in a pure room',
      {
        'routing/a.ts': `import { readFileSync } from 'node:fs';\nimport { isIP, connect } from 'node:net';\nimport * as crypto from 'node:crypto';`,
      },
      [
        'src/routing/a.ts:1: routing is pure and may not import node:fs',
        'src/routing/a.ts:2: routing is pure and may import only isIP, isIPv4, isIPv6 from node:net',
        'src/routing/a.ts:3: routing is pure and may import only createHash, hash from node:crypto',
      ],
    ],
    [
      'impure words in a pure room',
      {
        'rules/a.ts': `const at = Date.now();\n\nconst b = \`\${process.pid}\`; // fine\nnew Date(); Math.random();`,
      },
      [
        'src/rules/a.ts:1: rules is pure and may not use Date.now',
        'src/rules/a.ts:3: rules is pure and may not use process.',
        'src/rules/a.ts:4: rules is pure and may not use new Date(',
        'src/rules/a.ts:4: rules is pure and may not use Math.random',
      ],
    ],
    [
      'a circle of files',
      {
        'model/a.ts': `import { b } from './b.ts';`,
        'model/b.ts': `import type { c } from './c.ts';`,
        'model/c.ts': `\nexport { a } from './a.ts';`,
      },
      [
        'src/model/a.ts:1: files import each other in a circle (model/a.ts → model/b.ts → model/c.ts → model/a.ts)',
      ],
    ],
    [
      'ways out of src, into tests, and into rooms without a law',
      {
        'agent/a.ts': `import manifest from '../../package.json';\nimport { b } from './b.test.ts';`,
        'utils/a.ts': `import { a } from '../agent/a.ts';`,
      },
      [
        'src/agent/a.ts:1: src imports nothing from outside src (../../package.json)',
        'src/agent/a.ts:2: only tests import tests (agent/b.test.ts)',
        'src/utils/a.ts:1: the room utils has no law: give it one in import-law.test.ts',
      ],
    ],
  ];
  it.each(unlawful)('finds %s', (_, sources, expected) => {
    expect(breaches(sources)).toEqual(expected);
  });
});
