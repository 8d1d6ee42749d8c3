import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FlagDeclaration, type FlagName, flagTable } from './flags.ts';
import { isSwitch, type KubeProxyFlag, kubeProxyFlags } from './kube-proxy-flags.ts';
import { hasEffect } from './kube-proxy-help.ts';
import { diffJson } from './print/diff.ts';
import { verbs } from './verbs.ts';

const page = join(import.meta.dirname, '../../docs/cli.md');
const text = readFileSync(page, 'utf8');
const flags: readonly (readonly [string, FlagDeclaration])[] = Object.entries(flagTable);

describe('docs/cli.md', () => {
  it('holds the tables of verbs and flags (vitest --update writes them)', async () => {
    const tables = new Map([
      ['verbs', verbTable()],
      ['flags', flagsTable()],
      ['kube-proxy flags', kubeProxyFlagsTable()],
    ]);
    let expected = text;
    for (const [name, table] of tables) {
      const block = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
      expect(text).toMatch(block);
      expected = expected.replace(block, (_, start, end) => `${start}\n${table}\n${end}`);
    }
    await expect(expected).toMatchFileSnapshot(page);
  });

  it('has a section for each verb that prints something', () => {
    for (const { name } of verbs) expect(text).toContain(`\n## ${name}\n`);
  });

  it('states every key of the JSON of diff', () => {
    const json = diffJson({
      changes: [
        {
          service: 'a/b',
          family: 'IPv4',
          protocol: 'TCP',
          addresses: [],
          action: 'add',
          before: undefined,
          after: { endpoints: 1, affinitySeconds: 1 },
          details: [],
          rules: { added: [], removed: [] },
        },
      ],
      drift: [
        {
          family: 'IPv4',
          table: 'nat',
          chain: 'X',
          service: undefined,
          added: [],
          removed: [],
          missing: true,
        },
      ],
    });
    const keys = [...JSON.stringify(json).matchAll(/"(\w+)":/g)].map((match) => match[1] ?? '');
    expect(keys).toContain('affinitySeconds');
    for (const key of keys) expect(text).toContain(`"${key}"`);
  });
});

describe('the table of flags', () => {
  it('tells in help every word that is allowed', () => {
    for (const [, { choices, help }] of flags) {
      const inline = (choices ?? []).join('|').length <= 14;
      for (const word of choices ?? []) expect(inline || help.includes(word)).toBe(true);
    }
  });

  it('has no flag that no verb takes', () => {
    const taken = new Set<string>(verbs.flatMap((verb) => verb.flags));
    expect(flags.map(([name]) => name).filter((name) => !taken.has(name))).toEqual([]);
  });
});

function verbTable(): string {
  const rows = verbs.map(({ name, summary }) => `| \`${name}\` | ${summary} |`);
  return ['| verb | does |', '|---|---|', ...rows, ''].join('\n');
}

function flagsTable(): string {
  const rows = flags.map(([name, { flag, value, choices, help }]) => {
    const form = choices === undefined ? value : choices.join('\\|');
    const shown =
      form === undefined ? `\`${flag}\`` : `\`${flag} ${choices === undefined ? `<${form}>` : form}\``;
    return `| ${shown} | ${verbsOf(name)} | ${help} |`;
  });
  return ['| flag | verbs | meaning |', '|---|---|---|', ...rows, ''].join('\n');
}

function verbsOf(name: string): string {
  const taking = verbs.filter((verb) => verb.flags.some((flag: FlagName) => flag === name));
  return taking.length === verbs.length ? 'all' : taking.map((verb) => verb.name).join(', ');
}

function kubeProxyFlagsTable(): string {
  const rows = kubeProxyFlags.map(
    (flag) => `| \`${formOf(flag)}\` | ${standsFor(flag)} | ${hasEffect(flag) ? 'used' : 'none'} |`,
  );
  return ['| flag | stands for | effect |', '|---|---|---|', ...rows, ''].join('\n');
}

function formOf(declared: KubeProxyFlag): string {
  const { flag, short, form } = declared;
  const name = short === undefined ? flag : `${short}, ${flag}`;
  const values: Partial<Record<typeof form, string>> = {
    list: '<value>[,<value>]',
    gates: '<gate>=true\\|false[,…]',
    number: '<number>',
    port: '<port>',
  };
  return isSwitch(declared) ? `${name}[=true\\|false]` : `${name} ${values[form] ?? '<value>'}`;
}

function standsFor({ field, form }: KubeProxyFlag): string {
  if (field !== undefined) return `\`${field}\``;
  return form === 'port' ? 'the port of that address' : '';
}
