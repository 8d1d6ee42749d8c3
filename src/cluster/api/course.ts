import { ApiError } from './client.ts';
import { ErrorEvent, isExpired, isVersionUnavailable, NoInitialEvents } from './failure.ts';

/** The three things that a reflector can do next. */
export type Attempt = 'watch-list' | 'list' | 'watch';

/** Where a reflector stands: what it knows of the server decides what it does next. A value; each step gives a new one. */
export interface Course {
  /** resourceVersion of what was heard last; empty: nothing yet. */
  readonly version: string;
  /** All objects were heard, and a watch from `version` tells the rest. */
  readonly listed: boolean;
  /** The server cannot answer for `version`: lists ask for its newest state. */
  readonly newest: boolean;
  /** A streaming list failed just now, so the next is a plain one. */
  readonly preferList: boolean;
  /** The server does not stream lists; until then (by the clock) it is not asked again. */
  readonly noWatchListUntil: number;
  /** Undefined: there is none, or the server does not know the field. */
  readonly fieldSelector: string | undefined;
  /** Watches in a row that the server answered without one event. */
  readonly fruitless: number;
  /** Watches in a row that met nobody, or a server too busy for them. */
  readonly unmet: number;
  /** After so many of these a list is tried, in case that it is only watches that do not come through. */
  readonly patience: number;
}

export function beginCourse(fieldSelector: string | undefined): Course {
  return {
    version: '',
    listed: false,
    newest: false,
    preferList: false,
    noWatchListUntil: Number.NEGATIVE_INFINITY,
    fieldSelector,
    fruitless: 0,
    unmet: 0,
    patience: leastPatience,
  };
}

/** One to three minutes of failures. */
const leastPatience = 8;

/** After so many fruitless watches all is listed again: a server restored from a backup stays silent for ever on a version of its future. */
const mostFruitless = 2;

export function nextAttempt(course: Course, now: number): Attempt {
  if (course.unmet >= course.patience) return 'list';
  if (course.listed && course.fruitless < mostFruitless) return 'watch';
  return course.preferList || now < course.noWatchListUntil ? 'list' : 'watch-list';
}

/** All objects have been heard. */
export function afterListed(course: Course, version: string): Course {
  // When the watch that follows does not come through either, the next list comes soon.
  const unmet = course.unmet >= course.patience ? course.patience - 1 : course.unmet;
  return { ...course, version, listed: true, newest: false, preferList: false, fruitless: 0, unmet };
}

/** The server lets a watch through. */
export function afterAnswer(course: Course): Course {
  return course.unmet === 0 ? course : { ...course, unmet: 0, patience: leastPatience };
}

export function afterEvent(course: Course, version: string): Course {
  return { ...course, version, fruitless: 0 };
}

/** What a failed attempt had come to. */
export interface Trial {
  readonly attempt: Attempt;
  /** Somebody was there, if only to say nothing. */
  readonly answered: boolean;
  /** Something was heard. */
  readonly heard: boolean;
}

export interface Turn {
  readonly course: Course;
  /** `at once` is given only for what cannot repeat itself soon. */
  readonly again: 'at once' | 'after a wait' | 'much later';
}

/** What to do after a failure, whatever was thrown. */
export function afterFailure(
  course: Course,
  trial: Trial,
  failure: unknown,
  resource: { readonly canDropFieldSelector: boolean; readonly optional: boolean },
  noWatchListUntil: number,
): Turn {
  const status = failure instanceof ApiError ? failure.status : undefined;
  if (status === 400 && resource.canDropFieldSelector && course.fieldSelector !== undefined) {
    return { course: { ...course, fieldSelector: undefined }, again: 'at once' };
  }
  if (resource.optional && (status === 403 || status === 404) && !(failure instanceof ErrorEvent)) {
    return { course, again: 'much later' };
  }
  if (trial.attempt === 'watch') return { course: afterWatch(course, trial, failure), again: 'after a wait' };
  if (course.unmet >= course.patience && isUnmet(trial, failure)) {
    // So it is not watches alone. The longer that lasts the fewer lists: the first to come through should be a watch.
    return { course: { ...course, patience: 2 * course.patience }, again: 'after a wait' };
  }
  if (trial.attempt === 'watch-list' && isRefusal(failure)) {
    return { course: { ...course, noWatchListUntil }, again: 'at once' };
  }
  if (trial.attempt === 'watch-list' && status === 429) {
    return { course: { ...course, unmet: course.unmet + 1 }, again: 'after a wait' };
  }
  const unavailable = isVersionUnavailable(failure);
  const other = course.newest || !unavailable;
  const preferList = trial.attempt === 'watch-list' && other;
  const newest = course.newest || unavailable;
  return { course: { ...course, preferList, newest }, again: 'after a wait' };
}

/** A watch goes on where it was, unless the server or what it sent gives reason to doubt that this tells all. */
function afterWatch(course: Course, trial: Trial, failure: unknown): Course {
  if (isUnmet(trial, failure)) return { ...course, unmet: course.unmet + 1 };
  const fruitless = trial.heard ? course.fruitless : course.fruitless + 1;
  const newest = isVersionUnavailable(failure) && !isExpired(failure);
  return { ...afterAnswer(course), fruitless, newest, listed: !(newest || isDoubtful(failure)) };
}

function isUnmet({ answered }: Trial, failure: unknown): boolean {
  return !answered || (failure instanceof ApiError && failure.status === 429);
}

/** Feature gate off: 422; servers before 1.27 do not allow `resourceVersionMatch` in a watch: 422; others may say 400. */
function isRefusal(failure: unknown): boolean {
  if (failure instanceof NoInitialEvents) return true;
  return failure instanceof ApiError && (failure.status === 422 || failure.status === 400);
}

function isDoubtful(failure: unknown): boolean {
  if (!(failure instanceof ApiError)) return true;
  const { code, status = 0 } = failure;
  if (failure instanceof ErrorEvent || code === 'NP-API-007') return true;
  return status >= 400 && status < 500 && status !== 401 && status !== 403 && status !== 408;
}
