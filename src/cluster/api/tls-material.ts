import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { toError } from '../../errors.ts';
import type { Account, Pem } from './account.ts';
import { readText } from './read-file.ts';

/** Certificates and key as PEM text, as they are now. */
export interface TlsMaterial {
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

/**
 * Reads authority, client certificate and key of the account, and checks them unless they are those that were checked before.
 * @throws Error that names field and file: a file that cannot be read, PEM that is none, a key of another certificate.
 */
export async function readTlsMaterial(
  account: Account,
  before: TlsMaterial | undefined,
): Promise<TlsMaterial> {
  const { authority, client } = account;
  const material = {
    authority: await textOf(authority),
    certificate: await textOf(client?.certificate),
    key: await textOf(client?.key),
  };
  if (before && sameMaterial(material, before)) return before;
  if (authority) checkCertificates(material.authority ?? '', authority);
  if (client) {
    checkCertificates(material.certificate ?? '', client.certificate);
    checkPair(material, `${nameOf(client.certificate)} and ${nameOf(client.key)}`);
  }
  return material;
}

export function sameMaterial(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.authority === b.authority && a.certificate === b.certificate && a.key === b.key;
}

/** @throws Error beginning with `what`. */
export function checkPair(
  { certificate, key }: Pick<TlsMaterial, 'certificate' | 'key'>,
  what: string,
): void {
  try {
    createSecureContext({ cert: certificate, key });
  } catch (thrown) {
    const { message } = toError(thrown);
    const reason = message.includes('key values mismatch')
      ? 'the key belongs to another certificate'
      : `OpenSSL says ${message.replace(/^error:\w+:/, '')}`;
    throw new Error(`${what}: ${reason}`, { cause: thrown });
  }
}

async function textOf(pem: Pem | undefined): Promise<string | undefined> {
  if (pem?.kind !== 'file') return pem?.text;
  try {
    return await readText(pem.file);
  } catch (thrown) {
    throw new Error(`${nameOf(pem)}: ${toError(thrown).message}`, { cause: thrown });
  }
}

/** OpenSSL silently takes no certificate at all from a text that holds none. */
function checkCertificates(text: string, pem: Pem): void {
  const blocks = text.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END [A-Z ]*-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`${nameOf(pem)} holds no certificate in PEM form`);
  for (const [index, block] of blocks.entries()) {
    try {
      void new X509Certificate(block);
    } catch (thrown) {
      throw new Error(`${nameOf(pem)}: certificate ${index + 1} cannot be read`, { cause: thrown });
    }
  }
}

function nameOf(pem: Pem): string {
  return pem.kind === 'file' ? `${pem.field} (${pem.file})` : pem.field;
}
