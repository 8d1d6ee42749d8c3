import type { SourceEvent } from '../../cluster/source-event.ts';
import { codeOf } from './code.ts';
import type { Instruments } from './instruments.ts';

/** What a source tells of its own work. A manifests directory tells nothing, and then nothing is shown. */
export function hearSource(instruments: Instruments, now: () => number): (event: SourceEvent) => void {
  const lastHeard = instruments.gauge('nodeplane_source_last_heard_timestamp_seconds');
  const lastList = instruments.gauge('nodeplane_source_last_list_timestamp_seconds');
  const lists = instruments.counter('nodeplane_source_lists_total');
  const objects = instruments.gauge('nodeplane_source_list_objects');
  const resumes = instruments.counter('nodeplane_source_resumes_total');
  const failures = instruments.counter('nodeplane_source_failures_total');

  return (event) => {
    const labels = { resource: event.resource };
    const seconds = now() / 1000;
    switch (event.kind) {
      case 'listed':
        lists.inc(labels);
        resumes.inc(labels, 0);
        objects.set(labels, event.objects);
        lastList.set(labels, seconds);
        lastHeard.set(labels, seconds);
        return;
      case 'heard':
        lastHeard.set(labels, seconds);
        return;
      case 'resumed':
        resumes.inc(labels);
        return;
      case 'failed':
        failures.inc({ ...labels, code: codeOf(event.error) });
        return;
      case 'without':
        return;
    }
  };
}
