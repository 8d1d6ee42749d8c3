/** A kubeconfig with everything inside, as JSON, which is YAML. `authority`, `certificate` and `key` are PEM. */
export function kubeconfig(of: {
  readonly server: string;
  readonly user: string;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const cluster = { server: of.server, 'certificate-authority-data': base64(of.authority) };
  const user = { 'client-certificate-data': base64(of.certificate), 'client-key-data': base64(of.key) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: of.user, user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: of.user } }],
    'current-context': 'test',
  });
}

/** One whose credentials are the files that every Pod finds of its ServiceAccount, as kubeadm writes it for kube-proxy. */
export function podKubeconfig(of: {
  readonly server: string;
  readonly authorityFile: string;
  readonly tokenFile: string;
}): string {
  const cluster = { server: of.server, 'certificate-authority': of.authorityFile };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'default', cluster }],
    users: [{ name: 'default', user: { tokenFile: of.tokenFile } }],
    contexts: [{ name: 'default', context: { cluster: 'default', namespace: 'default', user: 'default' } }],
    'current-context': 'default',
  });
}
