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
  /** How doubtful it is that watches tell anything: grows by {@link Trial.fruitless}; at 1 all is listed again. */
  readonly fruitless: number;
  /** Watches in a row that the server would not let through, busy or broken as it was. */
  readonly unmet: number;
  /** After so many of these a list is tried, in case that it is only watches that do not come through. */
  readonly patience: number;
  /** How often in a row the server said that there is nothing, or nothing for us, of an optional resource. */
  readonly refusals: number;
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
    refusals: 0,
  };
}

/** One to three minutes of failures. */
const leastPatience = 8;

/** So many refusals may be those of a server that has just started and does not know its roles yet. */
const mostHasty = 6;

export function nextAttempt(course: Course, now: number): Attempt {
  if (course.unmet >= course.patience) return 'list';
  if (course.listed && course.fruitless < 1) return 'watch';
  return course.preferList || now < course.noWatchListUntil ? 'list' : 'watch-list';
}

/** All objects have been heard. */
export function afterListed(course: Course, version: string): Course {
  // When the watch that follows does not come through either, the next list comes soon.
  const unmet = course.unmet >= course.patience ? course.patience - 1 : course.unmet;
  const heard = { version, listed: true, newest: false, preferList: false, fruitless: 0, refusals: 0 };
  return { ...course, ...heard, unmet };
}

/** The server lets a watch through. */
export function afterAnswer(course: Course): Course {
  return { ...course, unmet: 0, patience: leastPatience, refusals: 0 };
}

export function afterEvent(course: Course, version: string): Course {
  return { ...course, version, fruitless: 0 };
}

/** A watch that the server answered has ended, without one event. `share`: see {@link Trial.fruitless}. */
export function afterFruitless(course: Course, share: number): Course {
  return { ...course, fruitless: course.fruitless + share };
}

/** What a failed attempt had come to. */
export interface Trial {
  readonly attempt: Attempt;
  /** Somebody was there, if only to say nothing. */
  readonly answered: boolean;
  /** The server let the watch through. */
  readonly opened: boolean;
  /** Something was heard. */
  readonly heard: boolean;
  /**
   * What it adds to {@link Course.fruitless} if it told nothing: the share of `times.fruitless` that it was open; a half when it ended so
   * soon that something must be wrong.
   */
  readonly fruitless: number;
}

export interface Turn {
  readonly course: Course;
  /** `at once` is given only for what cannot repeat itself soon. */
  readonly again: 'at once' | 'after a wait' | 'much later';
  /** It is to be done without the resource for now. */
  readonly without?: boolean;
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
    return afterRefusal(course);
  }
  if (trial.attempt === 'watch') return { course: afterWatch(course, trial, failure), again: 'after a wait' };
  if (course.unmet >= course.patience && (!trial.answered || isUnmet(trial, failure))) {
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

/** What had been heard stays known. The first refusals are tried again soon, but nobody waits for an object that may never come. */
function afterRefusal(course: Course): Turn {
  const refusals = course.refusals + 1;
  const settled = refusals >= mostHasty;
  return {
    course: { ...course, refusals },
    again: settled ? 'much later' : 'after a wait',
    without: settled || course.version === '',
  };
}

/** A watch goes on where it was, unless the server or what it sent gives reason to doubt that this tells all. */
function afterWatch(course: Course, trial: Trial, failure: unknown): Course {
  // However long nobody is there: whoever comes back most likely knows our version, and a list would meet nobody either.
  if (!trial.answered) return course;
  if (isUnmet(trial, failure)) return { ...course, unmet: course.unmet + 1 };
  const quiet = trial.heard ? course : afterFruitless(course, trial.fruitless);
  const newest = isVersionUnavailable(failure) && !isExpired(failure);
  return { ...afterAnswer(quiet), newest, listed: !(newest || isDoubtful(failure)) };
}

/** A server that is too busy, has just started or is broken, or something before it that finds none behind. It says nothing about our version. */
function isUnmet({ opened }: Trial, failure: unknown): boolean {
  if (!(failure instanceof ApiError)) return false;
  if (failure.wasCut) return !opened;
  const { status = 0 } = failure;
  if (failure instanceof ErrorEvent) return status === 429;
  return [401, 403, 408, 429].includes(status) || (status >= 500 && !isVersionUnavailable(failure));
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
  return status >= 400 && status < 500;
}
