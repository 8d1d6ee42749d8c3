const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const labelValue = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/;

/** DNS-1123 label of at most 63 characters: names of namespaces, Services and ports. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && label.test(text);
}

/** DNS-1123 subdomain of at most 253 characters: names of slices, Nodes and ServiceCIDRs. */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && text.split('.').every((part) => label.test(part));
}

/** What Kubernetes takes as the value of a label: empty, or at most 63 characters of a small alphabet. */
export function isLabelValue(text: string): boolean {
  return text.length <= 63 && labelValue.test(text);
}
