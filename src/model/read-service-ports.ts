import { isDnsLabel } from './names.ts';
import { printable } from './printable.ts';
import { at, type Field, integerAt, itemsAt, type Report, recordsAt, textAt, wordAt } from './read.ts';
import type { PortSpec } from './service.ts';

/** The entries of `spec.ports`, each named when there are several, none claimed twice. `nodePort` is 0 unless `withNodePorts`. */
export function readServicePorts(spec: Field, withNodePorts: boolean, refuse: Report): readonly PortSpec[] {
  const fields = recordsAt(spec, 'ports', refuse);
  if (itemsAt(spec, 'ports', refuse).length === 0) {
    refuse(at(spec, 'ports'), 'must have at least one entry');
  }
  const ports = fields.map((field) => readPort(field, withNodePorts, refuse));
  if (ports.length > 1 && ports.some(({ name }) => name === '')) {
    refuse(at(spec, 'ports'), 'must have a name in each entry when there are several');
  }
  refuseRepeated(fields, ports, refuse);
  return ports;
}

function readPort(field: Field, withNodePorts: boolean, refuse: Report): PortSpec {
  const port = integerAt(field, 'port', [1, 65_535], refuse);
  if (at(field, 'port').value === undefined) refuse(at(field, 'port'), 'is missing');
  const nodePort = integerAt(field, 'nodePort', [0, 65_535], refuse) ?? 0;
  return {
    name: readPortName(field, refuse),
    protocol: wordAt(field, 'protocol', ['TCP', 'UDP', 'SCTP'], refuse),
    port: port ?? 0,
    nodePort: withNodePorts ? nodePort : 0,
  };
}

/** The name of a Service's or a slice's port; empty when it has none. */
export function readPortName(field: Field, refuse: Report): string {
  const name = textAt(field, 'name', refuse) ?? '';
  if (name !== '' && !isDnsLabel(name)) {
    refuse(at(field, 'name'), `must be a DNS label of at most 63 characters, is ${printable(name)}`);
  }
  return name;
}

function refuseRepeated(fields: readonly Field[], ports: readonly PortSpec[], refuse: Report): void {
  const seen = new Set<string>();
  for (const [index, { name, protocol, port, nodePort }] of ports.entries()) {
    const claims = [
      { claim: `name ${name}`, field: 'name', counts: name !== '' },
      { claim: `port ${port}/${protocol}`, field: 'port', counts: port !== 0 },
      { claim: `nodePort ${nodePort}/${protocol}`, field: 'nodePort', counts: nodePort !== 0 },
    ];
    for (const { claim, field, counts } of claims) {
      if (counts && seen.has(claim))
        refuse(at(fields[index] ?? { path: '', value: undefined }, field), `repeats ${claim}`);
      seen.add(claim);
    }
  }
}
