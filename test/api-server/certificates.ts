import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate and its key as PEM text, and where the files are. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** An authority that can sign. */
export interface Authority extends KeyPair {
  /** @param names DNS names and IP addresses. @param days negative: expired since yesterday. */
  server(name: string, names: readonly string[], days?: number): Promise<KeyPair>;
  /** @param user common name. @param groups organisations. */
  client(user: string, groups?: readonly string[]): Promise<KeyPair>;
}

/** Makes an authority by the openssl program; all files lie in the directory and begin with its name. */
export async function createAuthority(directory: string, name: string): Promise<Authority> {
  const files = filesOf(directory, name);
  await newKey(files.keyFile);
  // biome-ignore format: options in pairs
  await openssl([
    'req', '-x509', '-new', '-key', files.keyFile, '-out', files.certificateFile, '-days', '30',
    '-subj', `/CN=${name}`, '-addext', 'keyUsage=critical,keyCertSign,digitalSignature',
  ]);
  const authority = pair(files);
  const sign = (leaf: Leaf) => signLeaf(directory, authority, leaf);
  return {
    ...authority,
    server: (leaf, names, days = 30) =>
      sign({
        name: leaf,
        subject: `/CN=${leaf}`,
        days,
        extensions: `extendedKeyUsage=serverAuth\nsubjectAltName=${names
          .map((each) => `${isIP(each) ? 'IP' : 'DNS'}:${each}`)
          .join(',')}\n`,
      }),
    client: (user, groups = []) =>
      sign({
        name: user.replaceAll(/[^\w.-]/g, '_'),
        subject: `${groups.map((group) => `/O=${group}`).join('')}/CN=${user}`,
        days: 30,
        extensions: 'extendedKeyUsage=clientAuth\n',
      }),
  };
}

interface Leaf {
  readonly name: string;
  readonly subject: string;
  readonly days: number;
  readonly extensions: string;
}

let serial = 1000;

async function signLeaf(directory: string, by: KeyPair, leaf: Leaf): Promise<KeyPair> {
  serial += 1;
  const number = String(serial);
  const files = filesOf(directory, `${leaf.name}-${number}`);
  const extensions = join(directory, `${leaf.name}-${number}.ext`);
  await newKey(files.keyFile);
  await writeFile(extensions, leaf.extensions);
  // biome-ignore format: options in pairs
  await openssl([
    'x509', '-new', '-force_pubkey', `${files.keyFile}.pub`, '-subj', leaf.subject, '-CA', by.certificateFile, '-CAkey', by.keyFile, '-set_serial', number,
    '-days', String(leaf.days), '-extfile', extensions, '-out', files.certificateFile,
  ]);
  return pair(files);
}

function filesOf(directory: string, name: string): Pick<KeyPair, 'certificateFile' | 'keyFile'> {
  return { certificateFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) };
}

function pair(files: Pick<KeyPair, 'certificateFile' | 'keyFile'>): KeyPair {
  return {
    ...files,
    certificate: readFileSync(files.certificateFile, 'utf8'),
    key: readFileSync(files.keyFile, 'utf8'),
  };
}

/** Elliptic curves: an RSA key takes a second on a busy machine. */
async function newKey(file: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(`${file}.pub`, publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

async function openssl(argv: readonly string[]): Promise<void> {
  await run('openssl', [...argv], { timeout: 30_000 });
}
