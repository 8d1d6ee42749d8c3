import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { emptyDocuments } from '../../../src/config/file.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { fieldNotes } from '../../../src/config/reference.ts';
import type { DocumentKind } from '../../../src/config/schema.ts';
import { NodeplaneError } from '../../../src/errors.ts';
import { deployDirectory } from './alert-rules.ts';
import { configSchema, decidedByChart, isRecord, type JsonSchema } from './config-schema.ts';
import { valuesOf } from './schema-values.ts';
import { valuesTable } from './values-table.ts';

const chart = join(deployDirectory, 'charts/nodeplane');
const schemaFile = join(chart, 'values.schema.json');
const schema: JsonSchema = JSON.parse(readFileSync(schemaFile, 'utf8'));
const kinds: readonly DocumentKind[] = ['KubeProxyConfiguration', 'NodeplaneConfiguration'];

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'np-values-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('values.schema.json', () => {
  it('has the fields of the configuration (vitest -u writes them)', async () => {
    const $defs = Object.fromEntries(kinds.map((kind) => [kind, configSchema(kind)]));
    const expected = `${JSON.stringify({ ...schema, $defs }, undefined, 2)}\n`;
    await expect(expected).toMatchFileSnapshot(schemaFile);
  });

  it('lets nothing pass that has no name in it', () => {
    expect(openObjects(schema, [])).toEqual([
      'properties.global',
      'properties.affinity.properties.nodeAffinity',
      'properties.affinity.properties.podAffinity',
      'properties.affinity.properties.podAntiAffinity',
    ]);
  });

  it('needs no more of a regular expression than Go has', () => {
    for (const [, pattern] of JSON.stringify(schema).matchAll(/"pattern":"((?:[^"\\]|\\.)*)"/g)) {
      expect(pattern).not.toMatch(/\(\?[=!<]|\\\\[1-9]/);
    }
  });

  it.each(kinds)('has every field of %s that the loader takes', (kind) => {
    const fields = Object.entries(fieldNotes[kind]).filter(([, { effect }]) => effect !== 'refused');
    const missing = fields.flatMap(([path]) =>
      fieldAt(configSchema(kind), path) === undefined ? [path] : [],
    );
    expect(missing).toEqual(decidedByChart.filter((path) => fieldNotes[kind][path] !== undefined));
  });
});

describe('what the schema lets pass', () => {
  it.each(kinds)(
    'of %s is loaded',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(valuesOf(configSchema(kind)), async (values) => {
          expect(await faultsOf(kind, values)).toBe('');
        }),
        { numRuns: 100 },
      );
    },
    60_000,
  );

  it('is found by the same means to be refused', async () => {
    expect(await faultsOf('KubeProxyConfiguration', { mode: 'ipvs' })).toMatch('NP-CONFIG-003');
    expect(await faultsOf('NodeplaneConfiguration', { events: 'yes' })).toMatch('events');
  });
});

describe('README.md of the chart', () => {
  it('has the table of all values (vitest -u writes it)', async () => {
    const page = join(chart, 'README.md');
    const text = readFileSync(page, 'utf8');
    const values: unknown = parse(readFileSync(join(chart, 'values.yaml'), 'utf8'));
    const block = /(<!-- values -->\n)[\s\S]*?(<!-- end -->)/;
    expect(text).toMatch(block);
    const expected = text.replace(
      block,
      (_, start, end) => `${start}\n${valuesTable(schema, values)}\n${end}`,
    );
    await expect(expected).toMatchFileSnapshot(page);
  });

  it('leaves out no value', () => {
    const values: unknown = parse(readFileSync(join(chart, 'values.yaml'), 'utf8'));
    const table = valuesTable(schema, values);
    for (const name of Object.keys(isRecord(values) ? values : {})) expect(table).toContain(`\`${name}`);
  });
});

/** What the loader says against a document; empty when it takes it. */
async function faultsOf(kind: DocumentKind, fields: unknown): Promise<string> {
  const file = join(directory, `${kind}.json`);
  await writeFile(file, JSON.stringify({ ...(isRecord(fields) ? fields : {}), ...emptyDocuments[kind] }));
  try {
    await loadConfig({ file, flags: {}, host: { nodeName: undefined, hostname: 'n1' } });
    return '';
  } catch (thrown) {
    if (!(thrown instanceof NodeplaneError)) throw thrown;
    // The one thing that no schema can say.
    const others = thrown.message
      .split('\n')
      .slice(1)
      .filter((line) => !line.includes('is shorter than minSyncPeriod'));
    return others.length === 0 && thrown.code === 'NP-CONFIG-002'
      ? ''
      : `${thrown.code} ${others.join('\n')}`;
  }
}

function fieldAt(root: JsonSchema, dotted: string): unknown {
  return dotted.split('.').reduce<unknown>((at, name) => {
    const properties = isRecord(at) ? at['properties'] : undefined;
    return isRecord(properties) ? properties[name] : undefined;
  }, root);
}

/** Paths of objects that take any name. */
function openObjects(node: unknown, path: readonly string[]): readonly string[] {
  if (!isRecord(node) || Array.isArray(node)) return [];
  const type = node['type'];
  const isObject = type === 'object' || (Array.isArray(type) && type.includes('object'));
  const open =
    isObject && node['additionalProperties'] === undefined && !path.includes('then') && !path.includes('if');
  const below = Object.entries(node).flatMap(([name, inner]) => openObjects(inner, [...path, name]));
  return open ? [path.join('.'), ...below] : below;
}
