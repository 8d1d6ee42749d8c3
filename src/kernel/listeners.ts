import { open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { canonicalAddress } from '../model/address.ts';

/** A TCP socket that listens in our network namespace. */
export interface TcpListener {
  /** Canonical; `0.0.0.0` and `::` are all addresses. */
  readonly address: string;
  readonly port: number;
}

/**
 * Where somebody listens, as the kernel tells it without a packet being sent.
 * @param procNet default `/proc/net`, of the network namespace of this process.
 */
export async function readListeners(procNet = '/proc/net'): Promise<readonly TcpListener[]> {
  const files = await Promise.all([readFile(join(procNet, 'tcp')), readFile(join(procNet, 'tcp6'))]);
  return files.flat();
}

/** proc(5): `0: 0100007F:280B 00000000:0000 0A …`; 0A is LISTEN, and the kernel lists those before all others, of which there may be many. */
const entry = /^\s*\d+: (?<address>[0-9A-F]{8}|[0-9A-F]{32}):(?<port>[0-9A-F]{4}) \S+ (?<state>[0-9A-F]{2}) /;

/** None when there is no such file: a kernel without IPv6 has no tcp6. */
async function readFile(file: string): Promise<readonly TcpListener[]> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return [];
  const found: TcpListener[] = [];
  try {
    for await (const line of handle.readLines({ autoClose: false })) {
      const { address = '', port = '', state } = entry.exec(line)?.groups ?? {};
      if (state === undefined) continue;
      if (state !== '0A') break;
      found.push({ address: addressOf(address), port: Number.parseInt(port, 16) });
    }
    return found;
  } finally {
    await handle.close();
  }
}

/** Words of 32 bits, each as the machine has them in memory. */
function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => {
    const four = [0, 2, 4, 6].map((at) => Number.parseInt(word.slice(at, at + 2), 16));
    return endianness() === 'LE' ? four.reverse() : four;
  });
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  const text = groups.join(':');
  return canonicalAddress(text) ?? text;
}
