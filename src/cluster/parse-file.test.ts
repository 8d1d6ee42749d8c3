import { describe, expect, it } from 'vitest';
import { createBreathe } from './breathe.ts';
import { type Contents, parseFile } from './parse-file.ts';

const breathe = createBreathe();

function service(name: string, port: number | string = 80): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {clusterIP: 10.0.0.1, ports: [{port: ${port}}]}\n`;
}

function parse(text: string, before?: Contents): Promise<Contents> {
  return parseFile({ name: 'a.yaml', text }, before, breathe);
}

function told({ objects, findings }: Contents) {
  return {
    ids: [...objects.keys()].sort(),
    findings: findings.map(({ code, object, reason }) => `${code} ${object}: ${reason}`),
  };
}

describe('parseFile', () => {
  it('reads documents, lists, and counts what is not for us', async () => {
    const deployment = 'apiVersion: apps/v1\nkind: Deployment\n';
    const list = `{"kind":"List","apiVersion":"v1","items":[{"kind":"Deployment","apiVersion":"apps/v1"}]}\n`;
    const contents = await parse(`\uFEFF# head\n---\n${service('a')}---\n${deployment}---\n${list}---\n`);
    expect(told(contents)).toEqual({ ids: ['Service default/a'], findings: [] });
    expect([...contents.unknownKinds]).toEqual([['Deployment (apps/v1)', 2]]);
  });

  it('names the place of documents that are no objects, and reads the others', async () => {
    const contents = await parse(`${service('a')}--- hello\n---\n- 1\n---\nkind: Service\n`);
    expect(told(contents)).toEqual({
      ids: ['Service default/a'],
      findings: [
        'NP-OBJECT-001 File a.yaml:5:1: must be an object, is "hello"',
        'NP-OBJECT-001 File a.yaml:6:1: must be an object, is a list',
        'NP-OBJECT-001 File a.yaml:8:1: has no kind and apiVersion',
      ],
    });
  });

  it('keeps what a broken document may have said, and takes the rest', async () => {
    const before = await parse(`${service('a')}---\n${service('b')}---\n${service('c')}`);
    const broken = await parse(`${service('a', 81)}---\n${service('b').replace('}', '')}`, before);
    expect(told(broken)).toEqual({
      ids: ['Service default/a', 'Service default/b', 'Service default/c'],
      findings: [expect.stringMatching(/^NP-SOURCE-001 File a\.yaml:9:1: Flow map/)],
    });
    expect(broken.objects.get('Service default/a')).toMatchObject({ object: { ports: [{ port: 81 }] } });
    expect(told(await parse(service('c'), broken))).toEqual({ ids: ['Service default/c'], findings: [] });
  });

  it('keeps the last good state of a refused object, and of no other', async () => {
    const before = await parse(`${service('a')}---\n${service('b')}---\n${service('c')}`);
    const refused = await parse(`${service('a', 99_999)}---\n${service('b', 81)}`, before);
    expect(told(refused)).toEqual({
      ids: ['Service default/a', 'Service default/b'],
      findings: ['NP-OBJECT-001 Service default/a: must be an integer from 1 to 65535, is 99999'],
    });
    expect(refused.objects.get('Service default/a')).toBe(before.objects.get('Service default/a'));
    expect(told(await parse(service('a', 'x'), refused)).ids).toEqual(['Service default/a']);
  });

  it('takes the first of an object that stands twice', async () => {
    const contents = await parse(`${service('a', 81)}---\n${service('a', 82)}`);
    expect(told(contents).findings).toEqual([
      'NP-SOURCE-003 Service default/a: stands twice in a.yaml; the first counts',
    ]);
    expect(contents.objects.get('Service default/a')).toMatchObject({ object: { ports: [{ port: 81 }] } });
  });

  it('does not read a document again that did not change, and still knows its line', async () => {
    const bad = service('b', 0).replace('name: b', 'name: "x y"');
    const before = await parse(`${service('a')}---\n- 1\n---\n${bad}`);
    const after = await parse(`# one\n# two\n---\n${service('a')}---\n- 1\n---\n${bad}`, before);
    expect(told(after).findings[0]).toContain('File a.yaml:8:1');
    expect(after.pieces.get([...before.pieces.keys()][1] ?? '')).toBe([...before.pieces.values()][1]);
  });

  it('forgets pieces that are gone', async () => {
    const before = await parse(`${service('a')}---\n${service('b')}`);
    expect((await parse(service('c'), before)).pieces.size).toBe(1);
  });

  it('prints a hostile file name on one line', async () => {
    const { findings } = await parseFile({ name: 'a\n"b.yaml', text: 'a: [' }, undefined, breathe);
    expect(findings[0]?.object).toBe('File "a\\n\\"b.yaml":1:5');
  });
});
