import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Account } from './account.ts';
import { sameMaterial, type TlsMaterial } from './tls-material.ts';

/** The connections to the server: kept alive, and made anew when certificates have changed. */
export interface Agents {
  /** The same agent as before unless the material has changed. */
  agentFor(material: TlsMaterial): HttpAgent;
  /** Ends all connections, those in use too. */
  close(): void;
}

/** The API server closes idle connections after 90 s; ours go before that, so that no request meets a connection that is just being closed. */
const idleMilliseconds = 60_000;

/** Between the addresses of a name. Node's 250 ms give up on servers that are far away. */
const nextAddressMilliseconds = 3000;

export function createAgents(account: Account): Agents {
  const open = new Set<HttpAgent>();
  let current: { readonly material: TlsMaterial; readonly agent: HttpAgent } | undefined;
  return {
    agentFor(material) {
      if (current && sameMaterial(material, current.material)) return current.agent;
      if (current) retire(current.agent);
      for (const agent of open) if (isUnused(agent)) open.delete(agent);
      const agent = createAgent(account, material);
      open.add(agent);
      current = { material, agent };
      return agent;
    },
    close() {
      for (const agent of open) agent.destroy();
      open.clear();
      current = undefined;
    },
  };
}

function createAgent({ server, serverName, insecure }: Account, material: TlsMaterial): HttpAgent {
  const common = {
    keepAlive: true,
    timeout: idleMilliseconds,
    autoSelectFamilyAttemptTimeout: nextAddressMilliseconds,
  };
  if (!server.startsWith('https:')) return new HttpAgent(common);
  const { authority: ca, certificate: cert, key } = material;
  return new HttpsAgent({
    ...common,
    ca,
    cert,
    key,
    ...(serverName === undefined ? {} : { servername: serverName }),
    // Said in any case: else NODE_TLS_REJECT_UNAUTHORIZED would decide.
    rejectUnauthorized: !insecure,
    minVersion: 'TLSv1.2',
    // A resumed session shows no certificate; each connection is to verify the server anew.
    maxCachedSessions: 0,
  });
}

/** Requests under way go on; idle connections end now, the others with their request. */
function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

function isUnused({ sockets, requests }: HttpAgent): boolean {
  return Object.keys(sockets).length === 0 && Object.keys(requests).length === 0;
}
