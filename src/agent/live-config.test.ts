import { expect, it, vi } from 'vitest';
import { type Config, defaultConfig } from '../config/defaults.ts';
import type { ConfigUpdates } from '../config/updates.ts';
import { silentLog } from '../observe/log.ts';
import { followConfig } from './live-config.ts';

function named(serviceProxyName: string | undefined, change: Partial<Config> = {}): Config {
  const routing = { ...defaultConfig.routing, besideKubeProxy: serviceProxyName !== undefined };
  return { ...defaultConfig, nodeName: 'n1', serviceProxyName, routing, ...change };
}

/** What is asked for when the file that said `before` says `after`. */
function changed(before: Config, after: Config) {
  let tell: Parameters<ConfigUpdates['start']>[0] | undefined;
  const updates: ConfigUpdates = {
    start: (listener) => {
      tell = listener;
    },
    stop: () => Promise.resolve(),
  };
  const live = followConfig(before, updates, silentLog);
  const asked = { restart: vi.fn(), change: vi.fn() };
  live.onRestart(asked.restart);
  live.onChange(asked.change);
  tell?.changed(after);
  return asked;
}

it('another name of the service proxy begins a session with another source', () => {
  const { restart, change } = changed(named('mesh'), named('edge'));
  expect(restart.mock.calls).toEqual([[named('edge')]]);
  expect(change).not.toHaveBeenCalled();
});

it.each([
  [undefined, 'mesh'],
  ['mesh', undefined],
])('work beside kube-proxy begins and ends with the process: %s, then %s', (before, after) => {
  const conntrack = { ...defaultConfig.conntrack, min: 0 };
  const { restart, change } = changed(named(before), named(after, { oomScoreAdj: 7, conntrack }));
  expect(restart.mock.calls).toEqual([[undefined]]);
  expect(change.mock.calls).toEqual([[named(before, { oomScoreAdj: 7 })]]);
});
