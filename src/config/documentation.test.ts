import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfigurationFile } from './file.ts';
import { type Effect, type FieldNote, fieldNotes } from './reference.ts';
import { documentSchemas } from './schema.ts';

const page = join(import.meta.dirname, '../../docs/configuration.md');
const text = readFileSync(page, 'utf8');

const words: Readonly<Record<Effect, string>> = { used: 'used', refused: 'refused', none: 'none' };

describe('docs/configuration.md', () => {
  it('holds the table of all fields (vitest -u writes it)', async () => {
    let expected = text;
    for (const [kind, notes] of Object.entries(fieldNotes)) {
      const block = new RegExp(`(<!-- fields of ${kind} -->\n)[\\s\\S]*?(<!-- end -->)`);
      expect(text).toMatch(block);
      expected = expected.replace(block, (_, start, end) => `${start}\n${table(notes)}\n${end}`);
    }
    await expect(expected).toMatchFileSnapshot(page);
  });

  it('shows an example that loads', () => {
    const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)];
    expect(examples).toHaveLength(1);
    expect(readConfigurationFile(examples[0]?.[1] ?? '').faults).toEqual([]);
  });
});

describe('the notes on fields', () => {
  it('speak of fields that the schemas have', () => {
    for (const [kind, notes] of Object.entries(fieldNotes)) {
      const schema = Object.entries(documentSchemas).find(([name]) => name === kind)?.[1];
      const names = Object.keys(schema?.entries ?? {}).filter(
        (name) => !['apiVersion', 'kind'].includes(name),
      );
      expect(new Set(Object.keys(notes).map((path) => path.split('.')[0]))).toEqual(new Set(names));
    }
  });
});

function table(notes: Readonly<Record<string, FieldNote>>): string {
  const rows = Object.entries(notes).map(
    ([path, note]) => `| \`${path}\` | ${note.default} | ${words[note.effect]} | ${note.meaning} |`,
  );
  return ['| field | default | effect | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}
