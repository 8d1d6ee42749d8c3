import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Handler } from './bind.ts';
import { debugPages } from './debug-pages.ts';
import type { DebugState } from './debug-state.ts';
import type { Metrics } from './metrics.ts';
import { jsonHeaders, respond, textHeaders } from './respond.ts';
import { sendPieces } from './send-pieces.ts';

export interface MetricsRoutesOptions {
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** What `/proxyMode` says. */
  readonly mode: string;
  /** What `/configz` says, as kube-proxy: `{"kubeproxy.config.k8s.io": {…}}`. Must hold no secrets. */
  readonly configz: () => unknown;
  readonly debug: DebugState;
  /** Whether the debugging door answers on addresses other than loopback as well; asked at each request. */
  readonly profiling: () => boolean;
}

type Headers = Readonly<Record<string, string>>;

/** A whole answer, or one whose text comes in pieces. Errors are sentences. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string | Iterable<string>;
}

interface Page {
  readonly about: string;
  /** Only for connections over loopback, unless profiling is on. */
  readonly private: boolean;
  readonly answer: (query: URLSearchParams) => Answer | Promise<Answer>;
}

/** What the metrics address serves: kube-proxy's paths with its bodies, and a debugging door. Methods other than GET and HEAD are refused. */
export function createMetricsRoutes(options: MetricsRoutesOptions): Handler {
  const pages = pagesOf(options);
  return async (request, response) => send(request, response, await answerTo(request, pages, options));
}

function pagesOf(options: MetricsRoutesOptions): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>([...publicPages(options), ...privatePages(options)]);
  const index = [...pages].map(([path, { about }]) => `${path.padEnd(16)} ${about}\n`).join('');
  pages.set('/', { about: 'this list', private: false, answer: () => ok(textHeaders, index) });
  return pages;
}

function publicPages({ metrics, mode, configz }: MetricsRoutesOptions) {
  const page = (path: string, about: string, answer: Page['answer']) =>
    [path, { about, private: false, answer }] as const;
  const metricsHeaders = { ...textHeaders, 'Content-Type': metrics.contentType };
  return [
    page('/metrics', "metrics in Prometheus' text format", async () =>
      ok(metricsHeaders, await metrics.text()),
    ),
    page('/healthz', 'ok while this server answers; the health of the proxy has a port of its own', () =>
      ok(textHeaders, 'ok'),
    ),
    page('/proxyMode', 'the mode of the proxy', () => ok(textHeaders, mode)),
    page('/configz', 'the configuration in force', () => ok(jsonHeaders, JSON.stringify(configz()))),
  ];
}

function privatePages({ debug }: MetricsRoutesOptions) {
  return debugPages.map(({ path, about, pieces }) => {
    const answer = (query: URLSearchParams): Answer =>
      debugAnswer(query, (service) => pieces(debug, service));
    return [path, { about, private: true, answer }] as const;
  });
}

function debugAnswer(
  query: URLSearchParams,
  pieces: (service: string | undefined) => Iterable<string> | undefined,
): Answer {
  const service = query.get('service') ?? undefined;
  if (service !== undefined && !/^[^/:]+\/[^/:]+$/.test(service))
    return refusal(400, 'service must be the namespace and name of a Service: ?service=default/web');
  const body = pieces(service);
  return body === undefined
    ? refusal(503, 'The source of objects is not synced yet; there is nothing to show.')
    : ok(jsonHeaders, body);
}

async function answerTo(
  request: IncomingMessage,
  pages: ReadonlyMap<string, Page>,
  { profiling }: MetricsRoutesOptions,
): Promise<Answer> {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const page = pages.get(path);
  // Word for word what Go's mux says.
  if (page === undefined) return refusal(404, '404 page not found');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refusal(405, 'Only GET and HEAD are allowed.');
  if (page.private && !profiling() && !isLoopback(request.socket.remoteAddress))
    return refusal(
      403,
      `${path} answers on loopback only; enableProfiling: true opens it to other addresses.`,
    );
  return page.answer(new URLSearchParams(query));
}

/** An IPv4 peer of a socket that listens on both families has a mapped address. */
function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:(?:::ffff:)?127\.|::1$)/.test(address);
}

function ok(headers: Headers, body: string | Iterable<string>): Answer {
  return { status: 200, headers, body };
}

function refusal(status: number, sentence: string): Answer {
  const headers = status === 405 ? { ...textHeaders, Allow: 'GET, HEAD' } : textHeaders;
  return { status, headers, body: `${sentence}\n` };
}

async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { status, headers, body } = answer;
  if (typeof body === 'string') respond(response, status, headers, body);
  else if (request.method === 'HEAD') response.writeHead(status, headers).end();
  else await sendPieces(response.writeHead(status, headers), body);
}
