import type { Handler } from './bind.ts';
import type { Observer } from './happening.ts';
import type { Health } from './health.ts';
import { jsonHeaders, respond, textHeaders } from './respond.ts';

/** `/healthz` and `/livez`, by any method; everything else is a 404 with Go's own text. */
export function createHealthRoutes(health: Health, observe: Observer): Handler {
  return ({ url = '' }, response) => {
    const path = url.split('?', 1)[0];
    if (path !== '/healthz' && path !== '/livez') {
      respond(response, 404, textHeaders, '404 page not found\n');
      return;
    }
    const probe = path === '/healthz' ? 'healthz' : 'livez';
    const { status, body } = health[probe]();
    observe({ kind: 'probe-answered', probe, status });
    respond(response, status, jsonHeaders, body);
  };
}
