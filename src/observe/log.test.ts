import { describe, expect, it } from 'vitest';
import { NodeplaneError } from '../errors.ts';
import { createLog, type Log, type LogOptions, silentLog } from './log.ts';

function recording(options: Partial<LogOptions>): { readonly log: Log; readonly written: string[] } {
  const written: string[] = [];
  const write = (text: string): void => {
    written.push(text);
  };
  return { log: createLog({ level: 'info', format: 'json', colour: false, write, ...options }), written };
}

describe('the log as JSON', () => {
  it('is one object a line with level and time as text', () => {
    const { log, written } = recording({});
    log.child({ family: 'IPv4' }).info({ steps: 34 }, 'synced');
    log.debug({}, 'not told');
    expect(written).toHaveLength(1);
    expect(written[0]?.endsWith('\n')).toBe(true);
    expect(JSON.parse(written[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      family: 'IPv4',
      steps: 34,
      msg: 'synced',
    });
  });

  it('tells code, message and stack of an error', () => {
    const { log, written } = recording({});
    log.error({ err: new NodeplaneError('NP-CLI-001') }, 'failed');
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      err: { code: 'NP-CLI-001', message: 'No source of objects was given.', stack: expect.any(String) },
    });
  });

  it('says once what the cause says', () => {
    const { log, written } = recording({});
    const cause = new Error('EACCES: permission denied');
    log.error({ err: new Error(`it could not be set: ${cause.message}.`, { cause }) }, 'failed');
    const { err } = JSON.parse(written[0] ?? '');
    expect(err.message).toBe('it could not be set: EACCES: permission denied.');
    expect(err.stack).toContain('caused by: Error: EACCES');
  });

  it('breaks no line for hostile text', () => {
    const { log, written } = recording({});
    log.info({ object: 'a\n{"level":"error"}' }, 'x\ny');
    expect(written.join('').split('\n')).toHaveLength(2);
  });
});

describe('the log as lines', () => {
  it('is readable', () => {
    const { log, written } = recording({ format: 'lines' });
    log.warn({ family: 'IPv4', file: 'a b', counts: [1, 2] }, 'slow');
    expect(written.join('')).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}slow family=IPv4 file="a b" counts=\[1,2\]\n$/,
    );
  });

  it('puts code and stack of an error below', () => {
    const { log, written } = recording({ format: 'lines' });
    log.error({ err: new NodeplaneError('NP-CLI-001') }, 'failed');
    const lines = written.join('').split('\n');
    expect(lines[0]).toMatch(/error failed$/);
    expect(lines.slice(1, 3)).toEqual([
      '    NP-CLI-001',
      '    NodeplaneError: No source of objects was given.',
    ]);
    expect(lines.at(-2)).toMatch(/^ {4}at /);
  });

  it('has colour only when asked, and obeys no escape of others', () => {
    const { log, written } = recording({ format: 'lines', colour: true });
    log.info({}, 'bad \u001b[2J\u0007\nline');
    const text = written.join('').replaceAll('\u001b', 'ESC');
    expect(text).toMatch(/^ESC\[90m[\d:.]+ESC\[39m ESC\[32minfo ESC\[39m bad {2}\[2J {2}line\n$/);
  });

  it('can be silent', () => {
    const { log, written } = recording({ level: 'silent' });
    log.error({}, 'x');
    silentLog.error({}, 'x');
    expect(written).toEqual([]);
  });
});
