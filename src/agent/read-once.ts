import type { Finding } from '../model/finding.ts';
import { emptySnapshot, type Snapshot } from '../model/snapshot.ts';
import { openSource } from './open-source.ts';
import type { SourceOptions } from './options.ts';

/** The cluster as a source tells it now. */
export interface Reading {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
}

/** Hears everything once. @throws NodeplaneError `NP-SOURCE-010`, `NP-API-*`. */
export async function readOnce(options: SourceOptions): Promise<Reading> {
  let reading: Reading = { snapshot: emptySnapshot(options.config.nodeName), findings: [] };
  const { source, client } = await openSource(options, false);
  try {
    await source.start({
      snapshot: (snapshot) => {
        reading = { ...reading, snapshot };
      },
      findings: (findings) => {
        reading = { ...reading, findings };
      },
    });
  } finally {
    await source.stop();
    client?.close();
  }
  return reading;
}
