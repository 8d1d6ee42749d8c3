import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority, type KeyPair } from '../../../test/api-server/certificates.ts';
import { connect } from './connect.ts';

let directory: string;
let authority: Authority;
let client: KeyPair;
let other: KeyPair;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nodeplane-connect-'));
  authority = await createAuthority(directory, 'authority');
  client = await authority.client('a');
  other = await authority.client('b');
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const environment = {};

async function fileOf(text: string): Promise<string> {
  const file = join(directory, 'kubeconfig');
  await writeFile(file, text);
  return file;
}

/** A whole kubeconfig around a user and a cluster. */
function configOf(user: object, cluster: object = {}, more: object = {}): string {
  return JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    ...more,
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

describe('a kubeconfig that is not usable is told at once', () => {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'x' };
  const cases: readonly (readonly [string, string])[] = [
    ['', 'the file is empty'],
    ['a: b: c', 'line 1 is no YAML'],
    ['- 1', 'the file holds no object'],
    ['{}', 'current-context is missing'],
    [configOf({}, {}, { 'current-context': 'x' }), 'current-context names "x", which is not in contexts'],
    [configOf({}, {}, { clusters: [] }), 'contexts[0].context.cluster names "k", which is not in clusters'],
    [configOf({}, {}, { users: [] }), 'contexts[0].context.user names "u", which is not in users'],
    [configOf({}, {}, { users: 7 }), 'users is no list'],
    [configOf({}, { server: '' }), 'clusters[0].cluster.server is missing'],
    [configOf({}, { server: 'ftp://a' }), 'clusters[0].cluster.server is neither https:// nor http://'],
    [configOf({}, { server: 'https://:1' }), 'clusters[0].cluster.server is no address'],
    [
      configOf({}, { 'proxy-url': 'http://p' }),
      'clusters[0].cluster.proxy-url is set: proxies are not supported',
    ],
    [
      configOf({}, { 'insecure-skip-tls-verify': 'yes' }),
      'insecure-skip-tls-verify is neither true nor false',
    ],
    [
      configOf({}, { 'certificate-authority': 'none.crt' }),
      'clusters[0].cluster.certificate-authority (/tmp/…/none.crt): there is no such file',
    ],
    [
      configOf({}, { 'certificate-authority-data': base64('hello') }),
      'clusters[0].cluster.certificate-authority-data holds no certificate in PEM form',
    ],
    [
      configOf(
        {},
        {
          'certificate-authority-data': base64(
            '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
          ),
        },
      ),
      'certificate 1 cannot be read',
    ],
    [configOf({ 'client-certificate': 'a.crt' }), 'users[0].user.client-key is missing'],
    [
      configOf({ 'auth-provider': { name: 'oidc' } }),
      'users[0].user.auth-provider is set: it is not supported; use exec',
    ],
    [configOf({ as: 'admin' }), 'users[0].user.as is set: impersonation is not supported'],
    [configOf({ token: 'a\nb' }), 'users[0].user.token holds characters'],
    [configOf({ exec: { command: 'x' } }), 'users[0].user.exec.apiVersion is missing'],
    [
      configOf({ exec: { ...exec, apiVersion: 'v9' } }),
      'users[0].user.exec.apiVersion is neither v1 nor v1beta1',
    ],
    [configOf({ exec: { ...exec, interactiveMode: 'Always' } }), 'there is no terminal'],
    [configOf({ exec: { ...exec, args: [1] } }), 'users[0].user.exec.args[0] is no text'],
  ];
  it.each(cases)('%s', async (text, reason) => {
    const kubeconfig = await fileOf(text);
    const error = await connect({ kubeconfig, server: undefined, environment }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'NP-API-001' });
    const message = error.message.replaceAll(directory, '/tmp/…');
    expect(message).toContain('The kubeconfig /tmp/…/kubeconfig is not usable: ');
    expect(message).toContain(reason);
  });

  it('a file that is not there', async () => {
    const connecting = connect({ kubeconfig: '/nowhere/kubeconfig', server: undefined, environment });
    await expect(connecting).rejects.toMatchObject({
      code: 'NP-API-001',
      message: 'The kubeconfig /nowhere/kubeconfig is not usable: there is no such file.',
    });
  });

  it('a key of another certificate, without a word of the key', async () => {
    const kubeconfig = await fileOf(
      configOf({ 'client-certificate': client.certificateFile, 'client-key': other.keyFile }),
    );
    const error = await connect({ kubeconfig, server: undefined, environment }).catch((thrown) => thrown);
    expect(error.message).toContain('the key belongs to another certificate');
    expect(error.message).not.toContain('BEGIN');
  });

  it('a bad address instead of the server', async () => {
    const kubeconfig = await fileOf(configOf({}));
    const connecting = connect({ kubeconfig, server: 'http//x y', environment });
    await expect(connecting).rejects.toMatchObject({ code: 'NP-CLI-002' });
  });
});

describe('the server', () => {
  it.each([
    ['https://10.0.0.1:6443/', undefined, 'https://10.0.0.1:6443'],
    ['https://Rancher/k8s/c-1/', undefined, 'https://rancher/k8s/c-1'],
    ['10.0.0.1:6443', undefined, 'https://10.0.0.1:6443'],
    ['https://10.0.0.1', '[fd00::1]:6443', 'https://[fd00::1]:6443'],
  ])('of the kubeconfig %s, replaced by %s, is %s', async (named, server, wanted) => {
    const kubeconfig = await fileOf(configOf({}, { server: named }));
    const connected = await connect({ kubeconfig, server, environment });
    expect(connected.server).toBe(wanted);
    connected.close();
  });
});

describe('in a pod', () => {
  const pod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };

  it('takes the server from the environment, IPv6 in brackets', async () => {
    await writeFile(join(directory, 'token'), 't');
    await writeFile(join(directory, 'ca.crt'), authority.certificate);
    const options = { kubeconfig: undefined, environment: pod, serviceAccount: directory };
    const inside = await connect({ ...options, server: undefined });
    expect(inside.server).toBe('https://[fd00::1]');
    const elsewhere = await connect({ ...options, environment: {}, server: 'https://192.0.2.1:6443' });
    expect(elsewhere.server).toBe('https://192.0.2.1:6443');
    inside.close();
    elsewhere.close();
  });

  it('names the file that is missing', async () => {
    const serviceAccount = join(directory, 'nothing');
    const connecting = connect({
      kubeconfig: undefined,
      server: undefined,
      environment: pod,
      serviceAccount,
    });
    await expect(connecting).rejects.toMatchObject({
      code: 'NP-API-009',
      message: expect.stringContaining(`${serviceAccount}/token: there is no such file`),
    });
  });

  it('tells that there is no source when it is no pod', async () => {
    const connecting = connect({ kubeconfig: undefined, server: undefined, environment: {} });
    await expect(connecting).rejects.toMatchObject({ code: 'NP-CLI-001' });
  });
});
