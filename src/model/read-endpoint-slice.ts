import { type Family, familyOf } from './address.ts';
import type { Endpoint, EndpointSlice, SlicePort } from './endpoint.ts';
import { kept } from './kept.ts';
import { mergeEndpoints } from './merge-endpoints.ts';
import { isDnsLabel, isDnsSubdomain, isLabelValue } from './names.ts';
import { printable } from './printable.ts';
import {
  at,
  type Field,
  flagAt,
  integerAt,
  itemsAt,
  type Report,
  recordAt,
  recordsAt,
  textAt,
  wordAt,
} from './read.ts';
import { addressIn, nonSpecial } from './read-address.ts';
import { hasLabel, labelOf, type Named, type Notes, type Read, readObject } from './read-object.ts';
import { readPortName } from './read-service-ports.ts';

const serviceNameLabel = 'kubernetes.io/service-name';
/** kube-proxy's informer leaves out slices that carry this label, whatever its value. */
const headlessLabel = 'service.kubernetes.io/headless';
/** Written by the EndpointSlice controller; kube-proxy measures from it how long programming took. */
const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/** An EndpointSlice (discovery.k8s.io/v1) from the JSON of the Kubernetes API. Never throws. */
export function readEndpointSlice(raw: unknown): Read<EndpointSlice> {
  return readObject(
    {
      kind: 'EndpointSlice',
      namespaced: true,
      isName: isDnsSubdomain,
      nameRule: 'a DNS subdomain of at most 253 characters',
      ignored,
      build,
    },
    raw,
  );
}

function ignored(object: Named): string | undefined {
  if (hasLabel(object, headlessLabel)) return `label ${headlessLabel}`;
  if ((labelOf(object, serviceNameLabel) ?? '') === '') return `no label ${serviceNameLabel}`;
  return at(object.root, 'addressType').value === 'FQDN' ? 'addressType FQDN' : undefined;
}

function build(object: Named, notes: Notes): EndpointSlice {
  const { namespace, name, root } = object;
  const serviceName = labelOf(object, serviceNameLabel) ?? '';
  if (!isDnsLabel(serviceName)) {
    notes.refuse(
      at(object.labels, serviceNameLabel),
      `must be a DNS label of at most 63 characters, is ${printable(serviceName)}`,
    );
  }
  const family = readFamily(root, notes.refuse);
  return {
    namespace,
    name,
    serviceName,
    family,
    ports: kept(readSlicePorts(root, family, notes)),
    lastChangeTriggerTime: readTriggerTime(object),
  };
}

function readFamily(root: Field, refuse: Report): Family {
  const field = at(root, 'addressType');
  if (field.value === undefined) refuse(field, 'is missing');
  return wordAt(root, 'addressType', ['IPv4', 'IPv6'], refuse);
}

/** Entries without a number (or 0) mean "all ports" to the API and nothing to a proxy: left out without a word. */
function readSlicePorts(root: Field, family: Family, notes: Notes): readonly SlicePort[] {
  const { refuse } = notes;
  const places = readEndpoints(root, family, notes);
  const names = new Set<string>();
  return recordsAt(root, 'ports', refuse).flatMap((field) => {
    const name = readPortName(field, refuse);
    if (names.has(name)) refuse(at(field, 'name'), `repeats ${printable(name)}`);
    names.add(name);
    const protocol = wordAt(field, 'protocol', ['TCP', 'UDP', 'SCTP'], refuse);
    const port = integerAt(field, 'port', [0, 65_535], refuse) ?? 0;
    return port === 0 ? [] : [{ name, protocol, port, endpoints: atPort(places, port) }];
  });
}

function atPort(places: readonly Place[], port: number): readonly Endpoint[] {
  // Written out: a spread would give nearly every endpoint a hidden class of its own in V8, and a cluster has 100,000 of them.
  const endpoints = places.map(
    ({ address, ready, serving, terminating, nodeName, zone, forNodes, forZones }): Endpoint => {
      return { address, port, ready, serving, terminating, nodeName, zone, forNodes, forZones };
    },
  );
  return mergeEndpoints([endpoints]);
}

/** One entry of `endpoints`. */
type Place = Omit<Endpoint, 'port'>;

function readEndpoints(root: Field, family: Family, notes: Notes): readonly Place[] {
  return recordsAt(root, 'endpoints', notes.leaveOut)
    .map((field) => readEndpoint(field, family, notes))
    .filter((endpoint) => endpoint !== undefined);
}

/** Undefined when the endpoint has no usable address or node, which is reported. */
function readEndpoint(field: Field, family: Family, { leaveOut }: Notes): Place | undefined {
  let whole = true;
  const report: Report = (at, reason) => {
    whole = false;
    leaveOut(at, reason);
  };
  const address = readEndpointAddress(field, family, report);
  const conditions = recordAt(field, 'conditions', report);
  const hints = recordAt(field, 'hints', leaveOut);
  const ready = flagAt(conditions, 'ready', report) ?? true;
  const serving = flagAt(conditions, 'serving', report) ?? true;
  const terminating = flagAt(conditions, 'terminating', report) ?? false;
  const nodeName = nameAt(field, 'nodeName', isDnsSubdomain, report);
  const zone = nameAt(field, 'zone', isLabelValue, leaveOut);
  const forNodes = readHints(hints, 'forNodes', isDnsSubdomain, leaveOut);
  const forZones = readHints(hints, 'forZones', isLabelValue, leaveOut);
  if (!whole || address === undefined) return undefined;
  return { address, ready, serving, terminating, nodeName, zone, forNodes, forZones };
}

function readEndpointAddress(field: Field, family: Family, report: Report): string | undefined {
  const [first] = itemsAt(field, 'addresses', report);
  if (first?.value === undefined || first.value === '') {
    report(at(field, 'addresses'), 'must hold an address');
    return undefined;
  }
  const address = addressIn(first, report, nonSpecial);
  if (address === undefined || familyOf(address) === family) return address;
  report(first, `must be an ${family} address, is ${address}`);
  return undefined;
}

/** A hint that is left out makes its endpoint one without hints, and routing then goes everywhere: safe. */
function readHints(
  hints: Field,
  name: string,
  isName: (text: string) => boolean,
  report: Report,
): readonly string[] {
  const names = recordsAt(hints, name, report)
    .map((hint) => nameAt(hint, 'name', isName, report))
    .filter((hint) => hint !== undefined);
  return kept(names);
}

/** RFC 3339 with up to nine digits of a second. Only a measurement hangs on it: what cannot be read is no finding. */
function readTriggerTime({ metadata }: Named): number | undefined {
  const { value } = at(at(metadata, 'annotations'), triggerTimeAnnotation);
  if (typeof value !== 'string') return undefined;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value)) return undefined;
  const milliseconds = Date.parse(value);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

function nameAt(
  parent: Field,
  name: string,
  isName: (text: string) => boolean,
  report: Report,
): string | undefined {
  const text = textAt(parent, name, report);
  if (text === undefined || isName(text)) return text;
  report(at(parent, name), `must be a name, is ${printable(text)}`);
  return undefined;
}
