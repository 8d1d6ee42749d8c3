import { type ApiClient, ApiError } from '../cluster/api/client.ts';
import type { Finding } from '../model/finding.ts';
import { emptySnapshot, type Snapshot } from '../model/snapshot.ts';
import { obstacle } from './check/finding.ts';
import { checkPermissions } from './check/permissions.ts';
import { openSource } from './open-source.ts';
import type { SourceOptions } from './options.ts';

/** The cluster as a source tells it now. */
export interface Reading {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
}

/** Hears everything once. @throws NodeplaneError `NP-SOURCE-010`, `NP-API-*`, `NP-CHECK-004` with all permissions that are missing. */
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
  } catch (thrown) {
    throw await allThatIsDenied(thrown, client, options);
  } finally {
    await source.stop();
    client?.close();
  }
  return reading;
}

const longestWait = 10_000;

/** The first list that is denied says nothing of the others. */
async function allThatIsDenied(
  thrown: unknown,
  client: ApiClient | undefined,
  { config }: SourceOptions,
): Promise<unknown> {
  if (client === undefined || !(thrown instanceof ApiError) || thrown.status !== 403) return thrown;
  const findings = await checkPermissions(client, config, AbortSignal.timeout(longestWait)).catch(() => []);
  return obstacle(findings) ?? thrown;
}
