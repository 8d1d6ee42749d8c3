import type { Scenario } from './scenario.ts';
import { affinity } from './scenarios/affinity.ts';
import { endpoints } from './scenarios/endpoints.ts';
import { manyServices } from './scenarios/many-services.ts';
import { masquerade } from './scenarios/masquerade.ts';
import { nodePorts } from './scenarios/node-ports.ts';
import { policies } from './scenarios/policies.ts';
import { serviceTypes } from './scenarios/service-types.ts';
import { sourceRanges } from './scenarios/source-ranges.ts';

/** What every dialect has to do, in the tracer, on the fake kernel and on a real one. */
export const scenarios: readonly Scenario[] = [
  ...serviceTypes,
  ...endpoints,
  ...policies,
  ...masquerade,
  ...nodePorts,
  ...sourceRanges,
  ...affinity,
  ...manyServices,
];
