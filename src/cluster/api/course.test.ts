import { describe, expect, it } from 'vitest';
import { ApiError } from './client.ts';
import {
  type Attempt,
  afterAnswer,
  afterEvent,
  afterFailure,
  afterListed,
  beginCourse,
  type Course,
  nextAttempt,
  type Trial,
} from './course.ts';
import { ErrorEvent, NoInitialEvents } from './failure.ts';

const about = { server: 'https://api', verb: 'watch', resource: 'services', status: 0, reason: '' };
const begun = beginCourse('a=b');
const followed = afterListed(begun, '7');

function status(code: number, reason?: string): ApiError {
  return new ApiError('NP-API-006', about, { status: code, reason });
}

function errorEvent(code: number, reason?: string): ErrorEvent {
  return new ErrorEvent('NP-API-006', about, { status: code, reason });
}

const away = new ApiError('NP-API-002', { server: 'https://api', reason: 'connect ECONNREFUSED' });
const cut = new ApiError('NP-API-002', { server: 'https://api', reason: 'reset' }, { wasCut: true });
const html = new ApiError('NP-API-007', about);
const silent = new ApiError('NP-API-008', about);

interface Fall {
  readonly course?: Course;
  readonly attempt: Attempt;
  readonly answered?: boolean;
  readonly heard?: boolean;
  readonly opened?: boolean;
  readonly fruitless?: number;
  readonly resource?: { readonly canDropFieldSelector: boolean; readonly optional: boolean };
}

function fall(failure: unknown, { attempt, answered = true, heard = false, ...rest }: Fall) {
  const { course = attempt === 'watch' ? followed : begun } = rest;
  const { resource = { canDropFieldSelector: false, optional: false } } = rest;
  const { fruitless = 0.5 } = rest;
  const opened = rest.opened ?? heard;
  const trial: Trial = { attempt, answered, opened, heard, fruitless };
  const turn = afterFailure(course, trial, failure, resource, 1000);
  return { ...turn, next: nextAttempt(turn.course, 500) };
}

describe('the course of a reflector', () => {
  it('begins with a streaming list and goes on with watches', () => {
    expect(nextAttempt(begun, 0)).toBe('watch-list');
    expect(nextAttempt(followed, 0)).toBe('watch');
    expect(followed).toMatchObject({ version: '7', listed: true });
  });

  it.each([
    ['422: the feature is off', status(422, 'Invalid')],
    ['400', status(400)],
    ['the end of the initial events does not come', new NoInitialEvents('NP-API-010', about)],
  ])('lists at once when the server refuses to stream (%s), and asks again later', (_, failure) => {
    const { again, next, course } = fall(failure, { attempt: 'watch-list' });
    expect([again, next]).toEqual(['at once', 'list']);
    expect(nextAttempt(course, 1000)).toBe('watch-list');
  });

  it('tries the other way to list after a failure that is an answer', () => {
    const streamed = fall(status(500), { attempt: 'watch-list' });
    expect([streamed.again, streamed.next]).toEqual(['after a wait', 'list']);
    const listed = fall(status(500), { attempt: 'list', course: streamed.course });
    expect([listed.again, listed.next]).toEqual(['after a wait', 'watch-list']);
    expect(fall(status(403), { attempt: 'watch-list' }).next).toBe('list');
  });

  it('stays with streaming when the server is too busy', () => {
    expect(fall(status(429), { attempt: 'watch-list' }).next).toBe('watch-list');
  });

  it('resumes for as long as nobody answers', () => {
    let course = followed;
    for (let count = 0; count < 1000; count++) {
      expect(nextAttempt(course, 0)).toBe('watch');
      course = fall(away, { attempt: 'watch', answered: false, course }).course;
    }
    expect(course).toEqual(followed);
  });

  it.each([
    ...[401, 403, 408, 429, 500, 502, 503].map((code) => [String(code), status(code)] as const),
    ['cut before an answer', cut] as const,
  ])(
    'resumes for minutes while watches get %s, then tries a list in case that it is only watches, ever more rarely',
    (_, failure) => {
      let course = followed;
      const attempts: Attempt[] = [];
      for (let count = 0; count < 60; count++) {
        const attempt = nextAttempt(course, 0);
        attempts.push(attempt);
        course = fall(failure, { attempt, course }).course;
      }
      const lists = attempts.flatMap((attempt, index) => (attempt === 'list' ? [index] : []));
      expect(lists).toEqual([8, 17, 34]);
      expect(course.version).toBe('7');
      const back = afterAnswer(course);
      expect(nextAttempt(back, 0)).toBe('watch');
      expect(back).toMatchObject({ unmet: 0, patience: 8 });
    },
  );

  it('lists after each watch that is refused while lists come through', () => {
    let course = { ...followed, unmet: 7 };
    for (const attempt of ['watch', 'list', 'watch', 'list'] as const) {
      expect(nextAttempt(course, 0)).toBe(attempt);
      course = attempt === 'list' ? afterListed(course, '8') : fall(status(503), { attempt, course }).course;
    }
  });

  it.each([
    ['410', status(410, 'Expired')],
    ['too large a version', status(504, 'Timeout')],
  ])('asks for the newest state when a list gets %s', (_, failure) => {
    const { again, course } = fall(failure, { attempt: 'list', course: { ...begun, version: '7' } });
    expect([again, course.newest]).toEqual(['after a wait', true]);
    expect(afterListed(course, '9').newest).toBe(false);
  });

  it('goes without the field selector after 400, once', () => {
    const resource = { canDropFieldSelector: true, optional: false };
    const first = fall(status(400), { attempt: 'watch-list', resource });
    expect([first.again, first.next, first.course.fieldSelector]).toEqual([
      'at once',
      'watch-list',
      undefined,
    ]);
    const second = fall(status(400), { attempt: 'watch-list', resource, course: first.course });
    expect([second.again, second.next]).toEqual(['at once', 'list']);
    const third = fall(status(400), { attempt: 'list', resource, course: second.course });
    expect(third.again).toBe('after a wait');
  });

  it.each([403, 404])('does without an optional resource on %i: tries soon at first, then rarely', (code) => {
    const resource = { canDropFieldSelector: false, optional: true };
    for (const attempt of ['watch-list', 'list', 'watch'] as const) {
      const turns = [fall(status(code), { attempt, resource, course: begun })];
      for (let count = 1; count < 7; count++) {
        const { course = begun } = turns.at(-1) ?? {};
        turns.push(fall(status(code), { attempt, resource, course }));
      }
      expect(turns.map(({ without }) => without)).toEqual(Array(7).fill(true));
      const soon = Array(5).fill('after a wait');
      expect(turns.map(({ again }) => again)).toEqual([...soon, 'much later', 'much later']);
      expect(fall(status(code), { attempt })).toMatchObject({ again: 'after a wait' });
      expect(fall(status(code), { attempt }).without).toBeUndefined();
    }
  });

  it('does not do without an optional resource that was heard before it has been refused for a while', () => {
    const resource = { canDropFieldSelector: false, optional: true };
    let course = followed;
    const without: (boolean | undefined)[] = [];
    for (let count = 0; count < 6; count++) {
      const turn = fall(status(403), { attempt: 'watch', resource, course });
      without.push(turn.without);
      course = turn.course;
    }
    expect(without).toEqual([false, false, false, false, false, true]);
    expect(course).toMatchObject({ version: '7', listed: true });
    expect(afterAnswer(course).refusals).toBe(0);
  });

  it.each([
    ['the server is away', away],
    ['500', status(500)],
    ['401', status(401)],
    ['403', status(403)],
    ['429', status(429)],
    ['429 as an event', errorEvent(429)],
    ['silence', silent],
  ])('resumes a watch after: %s', (_, failure) => {
    const { again, next, course } = fall(failure, { attempt: 'watch', heard: true });
    expect([again, next, course.version]).toEqual(['after a wait', 'watch', '7']);
  });

  it.each([
    ['410', status(410, 'Expired'), false],
    ['410 as an event', errorEvent(410, 'Expired'), false],
    ['an error event', errorEvent(500, 'InternalError'), false],
    ['a line that cannot be read', html, false],
    ['400', status(400), false],
    ['anything unforeseen', new TypeError('x is not a function'), false],
    ['too large a version', status(504, 'Timeout'), true],
    ['too large a version as an event', errorEvent(504, 'Timeout'), true],
  ])('lists again, no older than it knew, after: %s', (_, failure, newest) => {
    const { again, next, course } = fall(failure, { attempt: 'watch', heard: true });
    expect([again, next, course.version, course.newest]).toEqual(['after a wait', 'watch-list', '7', newest]);
  });

  it('lists again when watches told nothing for long enough together', () => {
    const first = fall(silent, { attempt: 'watch', fruitless: 0.5 });
    expect(first.next).toBe('watch');
    const again = (course: Course, fruitless: number) =>
      fall(silent, { attempt: 'watch', fruitless, course });
    expect(again(first.course, 0.4).next).toBe('watch');
    expect(again(first.course, 0.5).next).toBe('watch-list');
    expect(again(afterEvent(first.course, '8'), 0.9).next).toBe('watch');
    const cutTwice = { attempt: 'watch', opened: true } as const;
    expect(fall(cut, { ...cutTwice, course: fall(cut, cutTwice).course }).next).toBe('watch-list');
    const nobody = fall(away, { attempt: 'watch', course: first.course, answered: false });
    expect(nobody.next).toBe('watch');
  });
});
