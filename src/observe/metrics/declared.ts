import { kubeProxyMetrics } from './kube-proxy.ts';
import { nodeplaneMetrics } from './nodeplane.ts';
import { processMetrics } from './process.ts';

/** A family of metrics as it is shown. Names and units follow Prometheus' practice: base units, `_total` for counters. */
export type Declared =
  | { readonly type: 'counter' | 'gauge'; readonly labels: readonly string[]; readonly help: string }
  | {
      readonly type: 'histogram';
      readonly labels: readonly string[];
      readonly help: string;
      /** Upper bounds, ascending, without `+Inf`. */
      readonly buckets: readonly number[];
    };

/** Every metric, declared once; `docs/metrics.md` lists them and a test keeps both equal. */
export const declaredMetrics = { ...kubeProxyMetrics, ...nodeplaneMetrics, ...processMetrics };

type DeclaredMetrics = typeof declaredMetrics;

/** Names of the metrics of a type. */
export type NameOf<Type extends Declared['type']> = {
  [Name in keyof DeclaredMetrics]: DeclaredMetrics[Name]['type'] extends Type ? Name : never;
}[keyof DeclaredMetrics];
