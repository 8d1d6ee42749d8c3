// Calls from the client's pod: what it runs there, and what it learns from that.

/** A shell loop in the client's pod; prints the name of the server that answered, or FAILED, a line a call. */
export function callScript(url: string, calls: number): string {
  return `for i in $(seq ${calls}); do curl --silent --fail --globoff --max-time 3 ${url}/hostname || echo -n FAILED; echo; done`;
}

/** `http://[fd00::1]:80` */
export function urlOf(address: string, port: number): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

export interface Calls {
  readonly made: number;
  readonly failed: number;
  /** Names of the servers that answered. */
  readonly servers: readonly string[];
}

export function readCalls(output: string): Calls {
  const lines = output.split('\n').filter((line) => line !== '');
  const answered = lines.filter((line) => line !== 'FAILED');
  return { made: lines.length, failed: lines.length - answered.length, servers: [...new Set(answered)] };
}

/** Undefined: all calls went well, by at least so many servers. */
export function complaintOf({ made, failed, servers }: Calls, atLeast: number): string | undefined {
  if (made === 0) return 'no call was made';
  if (failed > 0) return `${failed} of ${made} calls failed`;
  return servers.length < atLeast ? `${servers.length} servers answered, not ${atLeast}` : undefined;
}
