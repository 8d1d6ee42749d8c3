import { type ApiClient, ApiError } from '../../cluster/api/client.ts';
import type { SourceEvent } from '../../cluster/source-event.ts';
import type { Config } from '../../config/defaults.ts';
import { toError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';
import type { openSource } from '../open-source.ts';
import { obstacle } from './finding.ts';
import { checkPermissions } from './permissions.ts';

const longestWait = 10_000;

/** Opens the source as before; when it is denied something, all that it would be denied is found out and told together, once. */
export function tellingDenied(open: typeof openSource, log: Log): typeof openSource {
  let told = '';
  let asking = false;
  const tell = async (client: ApiClient, config: Config): Promise<void> => {
    const found = await checkPermissions(client, config, AbortSignal.timeout(longestWait));
    const error = obstacle(found);
    if (error !== undefined && error.message !== told)
      log.error(
        { err: error },
        'permissions are missing; the rules stay as they are until these are granted',
      );
    told = error?.message ?? '';
  };
  return async (options, watch, observe) => {
    const opened = await open(options, watch, (event) => {
      observe?.(event);
      if (asking || opened.client === undefined || !isDenied(event)) return;
      asking = true;
      tell(opened.client, options.config)
        .catch((thrown: unknown) => log.debug({ err: toError(thrown) }, 'could not ask for our permissions'))
        .finally(() => {
          asking = false;
        });
    });
    return opened;
  };
}

/** The same denial again is no news. */
function isDenied(event: SourceEvent): boolean {
  if (event.kind !== 'failed' || event.unchanged) return false;
  return event.error instanceof ApiError && event.error.status === 403;
}
