import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandResult } from '../../src/kernel/exec.ts';
import { createIptables } from '../../src/kernel/iptables.ts';
import { iptablesVariants } from '../../src/kernel/iptables-programs.ts';
import { families } from '../../src/model/address.ts';
import { type Namespace, openNamespace } from './namespace.ts';
import { refusalCases } from './refusal-cases.ts';

// NODEPLANE_RECORD=1 writes what the programs print, for the tests that have no kernel.
const recorded: Record<string, Record<string, Pick<CommandResult, 'exitCode' | 'stderr'>>> = {};
let namespace: Namespace;

beforeAll(async () => {
  namespace = await openNamespace();
});

afterAll(async () => {
  await namespace.close();
  if (process.env['NODEPLANE_RECORD'] === undefined) return;
  mkdirSync('test/testdata/refusals', { recursive: true });
  writeFileSync('test/testdata/refusals/iptables-1.8.9.json', `${JSON.stringify(recorded, undefined, 2)}\n`);
});

describe.each(iptablesVariants)('%s', (variant) => {
  describe.each(families)('%s', (family) => {
    test.each(refusalCases)('$name', async ({ name, lines, ...told }) => {
      const { code, line, says = '' } = told[variant];
      const iptables = createIptables({
        exec: async (command) => {
          const result = await namespace.exec(command);
          const { exitCode, stderr } = result;
          const isWanted = family === 'IPv4' && command.stdin !== undefined;
          if (isWanted) recorded[variant] = { ...recorded[variant], [name]: { exitCode, stderr } };
          return result;
        },
        family,
        programs: { variant, naming: 'multi', version: '' },
      });
      await expect(iptables.restore(lines)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(says),
        ...(line === undefined ? { refused: undefined } : { refused: { number: line } }),
      });
      expect(await iptables.save(['nat'])).not.toContain('-A ');
    });
  });
});

describe.each(iptablesVariants)('%s: each table is a transaction of its own', (variant) => {
  test('the one before the refused one is in force, and the error says so', async () => {
    const iptables = createIptables({
      ...namespace,
      family: 'IPv4',
      programs: { variant, naming: 'multi', version: '' },
    });
    const texts = [
      '*filter',
      ':KEPT - [0:0]',
      'COMMIT',
      '*nat',
      ':LOST - [0:0]',
      '-A LOST -j NOPE',
      'COMMIT',
    ];
    const refused = iptables.restore(texts.map((text) => ({ text, service: undefined })));
    await expect(refused).rejects.toMatchObject({
      remedy: expect.stringContaining('Nothing of the nat table was applied, but filter before it was.'),
      refused: { table: 'nat', committed: ['filter'] },
    });
    const saved = await iptables.save();
    expect(saved).toContain(':KEPT ');
    expect(saved).not.toContain(':LOST ');
  });
});
