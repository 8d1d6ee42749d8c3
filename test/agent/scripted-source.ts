import type { Listener, Source } from '../../src/cluster/source.ts';
import type { Finding } from '../../src/model/finding.ts';
import { revise } from '../../src/model/revise.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { changesTo } from '../conformance/arbitraries.ts';
import type { Json } from '../conformance/objects.ts';
import { snapshotOf } from '../conformance/rules-of.ts';

/** A source that tells what it is told to, with snapshots that share what did not change. */
export class ScriptedSource implements Source {
  #listener: Listener | undefined;
  #snapshot: Snapshot | undefined;
  #synced: () => void = () => undefined;
  starts = 0;
  stops = 0;

  async start(listener: Listener): Promise<void> {
    this.starts += 1;
    this.#listener = listener;
    if (this.#snapshot !== undefined) return listener.snapshot(this.#snapshot);
    await new Promise<void>((resolve) => {
      this.#synced = resolve;
    });
  }

  async stop(): Promise<void> {
    this.stops += 1;
    this.#listener = undefined;
    this.#synced();
  }

  /** All objects of the cluster as it is now. */
  tell(objects: readonly Json[]): void {
    const wanted = snapshotOf(objects);
    const known = this.#snapshot;
    this.tellSnapshot(known === undefined ? wanted : revise(known, changesTo(known, wanted)));
  }

  tellSnapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#listener?.snapshot(snapshot);
    this.#synced();
  }

  find(findings: readonly Finding[]): void {
    this.#listener?.findings(findings);
  }
}
