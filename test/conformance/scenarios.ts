import type { Scenario } from './scenario.ts';
import { affinity } from './scenarios/affinity.ts';
import { endpoints } from './scenarios/endpoints.ts';
import { manyServices } from './scenarios/many-services.ts';
import { masquerade } from './scenarios/masquerade.ts';
import { nodePorts } from './scenarios/node-ports.ts';
import { policies } from './scenarios/policies.ts';
import { serviceTypes } from './scenarios/service-types.ts';
import { sourceRanges } from './scenarios/source-ranges.ts';

const inItsPlace: readonly Scenario[] = [
  ...serviceTypes,
  ...endpoints,
  ...policies,
  ...masquerade,
  ...nodePorts,
  ...sourceRanges,
  ...affinity,
  ...manyServices,
];

/** Some of each kind again, by chains with the names that are ours where kube-proxy works as well. */
const besideKubeProxy = [
  serviceTypes,
  endpoints,
  policies,
  masquerade,
  nodePorts,
  sourceRanges,
  affinity,
].flatMap((kind) => [kind.slice(0, 1), kind.slice(-1)].flat().map(beside));

/** What every dialect has to do, in the tracer, on the fake kernel and on a real one. */
export const scenarios: readonly Scenario[] = [...inItsPlace, ...besideKubeProxy];

function beside(scenario: Scenario): Scenario {
  return {
    ...scenario,
    name: `beside kube-proxy: ${scenario.name}`,
    settings: (at) => ({ ...scenario.settings?.(at), besideKubeProxy: true }),
  };
}
