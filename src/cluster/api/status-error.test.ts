import { describe, expect, it } from 'vitest';
import type { ApiResponse } from './client.ts';
import { statusError } from './status-error.ts';

const server = 'https://10.0.0.1:6443';
const action = { verb: 'watch', resource: 'services' } as const;

function response(over: Partial<ApiResponse> & { readonly text?: string }): ApiResponse {
  const { text = '', ...rest } = over;
  return {
    status: 500,
    mediaType: 'application/json',
    retryAfterSeconds: undefined,
    body: pieces([Buffer.from(text)]),
    ...rest,
  };
}

async function* pieces(buffers: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* buffers;
}

function status(fields: object): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', ...fields });
}

describe('the error that an answer means', () => {
  const cases: readonly (readonly [string, Parameters<typeof response>[0], object])[] = [
    [
      '401',
      { status: 401, text: status({ message: 'Unauthorized', reason: 'Unauthorized', code: 401 }) },
      {
        code: 'NP-API-004',
        status: 401,
        reason: 'Unauthorized',
        message: `The API server ${server} does not accept our credentials (401) for watch services: Unauthorized.`,
      },
    ],
    [
      '403 with the words of the server',
      {
        status: 403,
        text: status({ message: 'services is forbidden: User "x" cannot watch', reason: 'Forbidden' }),
      },
      {
        code: 'NP-API-005',
        message: `The API server ${server} does not let us watch services (403): services is forbidden: User "x" cannot watch.`,
      },
    ],
    [
      '429 with the time to wait of the header rather than that of the body',
      {
        status: 429,
        retryAfterSeconds: 3,
        text: status({ message: 'slow', details: { retryAfterSeconds: 9 } }),
      },
      { code: 'NP-API-006', status: 429, retryAfterSeconds: 3 },
    ],
    [
      '504 with the time to wait of the body',
      { status: 504, text: status({ reason: 'Timeout', details: { retryAfterSeconds: 1 } }) },
      { code: 'NP-API-006', reason: 'Timeout', retryAfterSeconds: 1 },
    ],
    [
      '410',
      { status: 410, text: status({ reason: 'Expired' }) },
      { code: 'NP-API-006', status: 410, reason: 'Expired' },
    ],
    [
      'an HTML page of a proxy',
      { status: 503, mediaType: 'text/html', text: '<html>secret page' },
      { code: 'NP-API-006', message: expect.stringMatching(/with status 503: an HTML page\.$/) },
    ],
    [
      'a line of text',
      { status: 404, mediaType: 'text/plain', text: '404 page not found\n' },
      { message: expect.stringMatching(/with status 404: 404 page not found\.$/) },
    ],
    ['no body', { status: 500 }, { message: expect.stringMatching(/with status 500\.$/) }],
    [
      'a redirect',
      { status: 302 },
      { code: 'NP-API-007', message: expect.stringContaining('a redirect (302)') },
    ],
    [
      'a message that would move the cursor',
      { text: status({ message: 'a\u001b[2Jb\nc' }) },
      { message: expect.stringContaining('a\\u{1b}[2Jb\\nc') },
    ],
    [
      'fields of wrong types',
      { text: status({ message: 7, reason: {}, details: [1] }) },
      { reason: undefined },
    ],
  ];
  it.each(cases)('%s', async (_, given, wanted) => {
    expect(await statusError(server, action, response(given))).toMatchObject(wanted);
  });

  it('shortens a message and reads no more than 64 kB of a body without end', async () => {
    let read = 0;
    let left = false;
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          read += 10_000;
          yield Buffer.alloc(10_000, 'x');
        }
      } finally {
        left = true;
      }
    }
    const error = await statusError(server, action, response({ body: endless() }));
    expect(error.message.length).toBeLessThan(700);
    expect(read).toBeLessThanOrEqual(70_000);
    expect(left).toBe(true);
  });

  it('takes the status when the body fails', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from('{"kind":');
      throw new Error('reset');
    }
    const error = await statusError(server, action, response({ status: 503, body: failing() }));
    expect(error).toMatchObject({ code: 'NP-API-006', status: 503 });
  });
});
