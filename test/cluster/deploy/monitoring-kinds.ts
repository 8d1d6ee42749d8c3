import { join } from 'node:path';
import { findGo } from '../go.ts';
import { runTool } from '../tool.ts';

const module = 'github.com/prometheus-operator/prometheus-operator';
const moduleDirectory = join(import.meta.dirname, 'monitoring');
const kinds = ['podmonitors', 'prometheusrules'] as const;

/** Files with the Prometheus operator's own definitions of the kinds that we write, from its Go module (4 MB, fetched once). */
export async function monitoringDefinitions(): Promise<readonly string[]> {
  const go = await findGo((line) => console.error(line));
  const run = (...args: readonly string[]): Promise<string> =>
    runTool({
      argv: [go, ...args],
      cwd: moduleDirectory,
      env: { GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local', GOWORK: 'off' },
    });
  await run('mod', 'download', module);
  const directory = (await run('list', '-m', '-f', '{{.Dir}}', module)).trim();
  return kinds.map((kind) =>
    join(directory, `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`),
  );
}
