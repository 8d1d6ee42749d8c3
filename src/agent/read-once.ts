import { createManifestsSource } from '../cluster/manifests.ts';
import type { Finding } from '../model/finding.ts';
import { emptySnapshot, type Snapshot } from '../model/snapshot.ts';

/** The cluster as a directory tells it now. */
export interface Reading {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
}

/** Reads a manifests directory once. @throws NodeplaneError `NP-SOURCE-010`. */
export async function readOnce(directory: string, nodeName: string): Promise<Reading> {
  let reading: Reading = { snapshot: emptySnapshot(nodeName), findings: [] };
  const source = createManifestsSource({ directory, nodeName, watch: false });
  await source.start({
    snapshot: (snapshot) => {
      reading = { ...reading, snapshot };
    },
    findings: (findings) => {
      reading = { ...reading, findings };
    },
  });
  await source.stop();
  return reading;
}
