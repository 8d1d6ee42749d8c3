import { styleText } from 'node:util';
import pino from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

/** Writes one entry: what it is about as fields, what happened as a sentence. An error goes into the field `err`. */
export type Write = (fields: object, message: string) => void;

/** The log of the daemon. */
export interface Log {
  readonly trace: Write;
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** A log whose entries all carry the fields. */
  child(fields: Readonly<Record<string, unknown>>): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** `json`: one object a line, for machines. `lines`: for people. */
  readonly format: 'json' | 'lines';
  readonly colour: boolean;
  /** Gets whole lines, each with its line feed. */
  write(text: string): void;
}

/** A log that writes to what it is given and nowhere else. */
export function createLog(options: LogOptions): Log {
  const write = (json: string): void => {
    options.write(options.format === 'json' ? json : readable(json, options.colour));
  };
  const formatters = { level: (level: string) => ({ level }) };
  const settings = {
    level: options.level,
    base: null,
    formatters,
    serializers: { err: fieldsOfError },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(settings, { write });
}

/** pino's fields, but its message repeats that of each cause, which ours name already; the stack tells of all. */
function fieldsOfError(err: unknown): unknown {
  return err instanceof Error ? { ...pino.stdSerializers.err(err), message: err.message } : err;
}

/** Entries of before anything is known, and of tests. */
export const silentLog: Log = createLog({
  level: 'silent',
  format: 'json',
  colour: false,
  write: () => undefined,
});

const colours: ReadonlyMap<unknown, 'red' | 'yellow' | 'green' | 'gray'> = new Map([
  ['error', 'red'],
  ['warn', 'yellow'],
  ['info', 'green'],
]);

/** `12:04:31.120 info  synced family=IPv4 steps=34`; the stack of an error follows in lines of its own. */
function readable(json: string, colour: boolean): string {
  const entry: unknown = JSON.parse(json);
  if (typeof entry !== 'object' || entry === null) return json;
  const record: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(entry));
  const { level, time, msg, err, ...fields } = record;
  const paint = (format: 'red' | 'yellow' | 'green' | 'gray', text: string): string =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  const clock = paint('gray', String(time).slice(11, 23));
  const name = paint(colours.get(level) ?? 'gray', String(level).padEnd(5));
  const rest = Object.entries(fields).map(
    ([key, value]) => ` ${paint('gray', `${key}=`)}${valueText(value)}`,
  );
  const stack = stackOf(err).map((line) => `    ${line}\n`);
  return `${clock} ${name} ${lineOf(String(msg))}${rest.join('')}\n${stack.join('')}`;
}

/** Bare when it is one plain word, else as JSON. */
function valueText(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : lineOf(JSON.stringify(value));
}

function stackOf(err: unknown): readonly string[] {
  if (typeof err !== 'object' || err === null) return err === undefined ? [] : [valueText(err)];
  const { code, message, stack } = { code: '', message: '', stack: '', ...err };
  const text = String(stack === '' ? message : stack);
  return [...(code === '' ? [] : [code]), ...text.split('\n')].map((line) => lineOf(line.trim()));
}

/** No terminal obeys it. */
function lineOf(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
