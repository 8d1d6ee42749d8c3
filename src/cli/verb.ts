import type { Context, NodeOptions, SourceOptions } from '../agent/options.ts';
import type { Actions } from './actions.ts';
import type { Page } from './print/page.ts';
import type { Settings } from './settings.ts';

/** Everything a verb has at hand. */
export interface Call {
  readonly actions: Actions;
  readonly settings: Settings;
  /** For verbs that need no objects. */
  readonly options: NodeOptions;
  /** For verbs that do. @throws NodeplaneError `NP-CLI-001` when no source was named. */
  readonly withSource: () => SourceOptions;
  /** For verbs that look at them when they can. */
  readonly withSourceIfAny: () => NodeOptions & Partial<SourceOptions>;
  readonly context: Context;
  readonly print: (result: Printable) => Promise<void>;
}

/** A result in both forms of --output. */
export interface Printable {
  readonly text: (page: Page) => string;
  /** What is printed as JSON. */
  readonly json: () => unknown;
}

/** Does the verb; resolves with the exit code. */
export type PerformVerb = (call: Call) => Promise<number>;
