import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { declaredMetrics, type NameOf } from './declared.ts';

/** Makes the declared metrics, each once. */
export interface Instruments {
  counter(name: NameOf<'counter'>): Counter;
  gauge(name: NameOf<'gauge'>): Gauge;
  histogram(name: NameOf<'histogram'>): Histogram;
}

/** Brings values up to date that nobody tells us; called before each scrape is answered. Never rejects. */
export type Refresh = () => Promise<void>;

/** Instruments whose metrics the registry shows. */
export function instrumentsOf(registry: Registry): Instruments {
  const common = (name: keyof typeof declaredMetrics) => ({
    name,
    help: declaredMetrics[name].help,
    labelNames: [...declaredMetrics[name].labels],
    registers: [registry],
  });
  return {
    counter: (name) => new Counter(common(name)),
    gauge: (name) => new Gauge(common(name)),
    histogram: (name) => new Histogram({ ...common(name), buckets: [...declaredMetrics[name].buckets] }),
  };
}
