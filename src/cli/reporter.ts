import type { NodeplaneError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { Io, Sink } from './io.ts';
import { errorJson, printError } from './print/error.ts';
import { findingJson, printFindings } from './print/findings.ts';
import { createPage, type Page, wantsColour } from './print/page.ts';
import type { Output } from './settings.ts';
import type { Printable } from './verb.ts';

/** Tells the user: results on standard output, warnings and errors on standard error. */
export interface Reporter {
  result(result: Printable): Promise<void>;
  warnings(findings: readonly Finding[]): Promise<void>;
  error(error: NodeplaneError): Promise<void>;
}

export function createReporter(io: Io, output: Output): Reporter {
  const [out, err] = [pageOf(io.stdout, io), pageOf(io.stderr, io)];
  if (output === 'json') {
    return {
      result: ({ json }) => io.stdout.write(`${JSON.stringify(json(), undefined, 2)}\n`),
      warnings: (findings) => io.stderr.write(findings.map((each) => jsonLine(findingJson(each))).join('')),
      error: (error) => io.stderr.write(jsonLine(errorJson(error))),
    };
  }
  return {
    result: ({ text }) => io.stdout.write(text(out)),
    warnings: (findings) => io.stderr.write(printFindings(findings, err)),
    error: (error) => io.stderr.write(printError(error, err)),
  };
}

function pageOf(sink: Sink, io: Io): Page {
  return createPage({
    colour: wantsColour(sink.isTerminal, io.environment),
    columns: Math.min(Math.max(sink.columns, 40), 80),
  });
}

function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
