import { describe, expect, it } from 'vitest';
import { type ApiClient, ApiError, type ApiRequest, type ApiResponse } from '../../cluster/api/client.ts';
import { checkPermissions, unasked } from './permissions.ts';

interface Review {
  readonly spec: {
    readonly resourceAttributes: Readonly<Record<'verb' | 'group' | 'resource', string>> & {
      readonly name?: string;
    };
  };
}

/** An API server that answers reviews. `name` undefined: it is too old to tell who we are. */
function server(denied: readonly string[], name: string | undefined): { client: ApiClient; asked: string[] } {
  const asked: string[] = [];
  const answer = ({ path, body }: ApiRequest): object | undefined => {
    if (path === '/apis/authentication.k8s.io/v1/selfsubjectreviews')
      return name === undefined ? undefined : { status: { userInfo: { username: name } } };
    const { spec }: Review = JSON.parse(body?.text ?? '');
    const { verb, group, resource, name: object } = spec.resourceAttributes;
    const permission = `${verb} ${resource}${group && `.${group}`}${object === undefined ? '' : ` ${object}`}`;
    asked.push(permission);
    return { status: { allowed: !denied.includes(permission) } };
  };
  const open = async (request: ApiRequest): Promise<ApiResponse> => {
    expect(request.method).toBe('POST');
    const object = answer(request);
    const text = JSON.stringify(object ?? { kind: 'Status' });
    const status = object === undefined ? 404 : 201;
    const body = (async function* () {
      yield Buffer.from(text);
    })();
    return { status, mediaType: 'application/json', retryAfterSeconds: undefined, body };
  };
  return { client: { server: 'https://192.0.2.1', open, close: () => undefined }, asked };
}

async function told(denied: readonly string[], name?: string, events = true) {
  const { client, asked } = server(denied, name);
  const findings = await checkPermissions(
    client,
    { events, nodeName: 'node-a' },
    AbortSignal.timeout(10_000),
  );
  return {
    asked,
    findings: findings.map(({ severity, error }) => ({
      severity,
      text: error.message,
      remedy: error.remedy,
    })),
  };
}

const account = 'system:serviceaccount:kube-system:nodeplane';

describe('permissions', () => {
  it('are asked for all that the agent does', async () => {
    expect(await told([])).toEqual({
      findings: [],
      asked: [
        'list services',
        'watch services',
        'list endpointslices.discovery.k8s.io',
        'watch endpointslices.discovery.k8s.io',
        'list nodes node-a',
        'watch nodes node-a',
        'list servicecidrs.networking.k8s.io',
        'watch servicecidrs.networking.k8s.io',
        'create events.events.k8s.io',
        'patch events.events.k8s.io',
      ],
    });
    expect((await told([], account, false)).asked).not.toContain('create events.events.k8s.io');
  });

  it('that are missing are told together, as rules of a ClusterRole', async () => {
    const { findings } = await told(['watch services', 'list nodes node-a', 'watch nodes node-a'], account);
    expect(findings).toEqual([
      {
        severity: 'error',
        text:
          `The account ${account} lacks permissions at the API server https://192.0.2.1: to watch services, list and watch nodes. ` +
          'A ClusterRole that is bound to it needs these rules:\n' +
          '  - apiGroups: [""]\n    resources: [services]\n    verbs: [watch]\n' +
          '  - apiGroups: [""]\n    resources: [nodes]\n    verbs: [list, watch]',
        remedy: expect.stringContaining('--serviceaccount=kube-system:nodeplane`'),
      },
    ]);
  });

  it('that can be done without are a warning', async () => {
    const { findings } = await told(['list servicecidrs.networking.k8s.io', 'create events.events.k8s.io']);
    expect(findings).toMatchObject([
      { severity: 'warning', text: expect.stringContaining('The account of nodeplane') },
    ]);
  });

  it('are not known where the server answers something else', async () => {
    const body = (async function* () {
      yield Buffer.from('{"status":{}}');
    })();
    const open = async (): Promise<ApiResponse> => ({
      status: 201,
      mediaType: 'application/json',
      retryAfterSeconds: undefined,
      body,
    });
    const client = { server: 's', open, close: () => undefined };
    const asking = checkPermissions(
      client,
      { events: true, nodeName: 'node-a' },
      AbortSignal.timeout(10_000),
    );
    await expect(asking).rejects.toMatchObject({ code: 'NP-API-007' });
  });

  it.each([
    [undefined, 'warning'],
    [503, 'warning'],
    [403, 'warning'],
    [401, 'error'],
  ])('that could not be asked for, with status %s, are a matter of severity %s', (status, severity) => {
    const parameters = { server: 's', verb: 'create', resource: 'x', status: 0, reason: '' };
    const error = new ApiError('NP-API-006', parameters, { status });
    expect(unasked(error)).toEqual({ severity, error });
  });
});
