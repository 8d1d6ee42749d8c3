import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['**/*.kernel.test.ts', '**/*.cluster.test.ts'],
          environment: 'node',
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Each file starts network namespaces and programs of its own: slow, and not to be crowded.
        test: {
          name: 'kernel',
          include: ['test/**/*.kernel.test.ts'],
          environment: 'node',
          sequence: { groupOrder: 1 },
          pool: 'forks',
          fileParallelism: true,
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // A real control plane each: one at a time, and patient. The first run on a machine builds it before the tests, for minutes.
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.cluster.test.ts'],
          globalSetup: ['test/cluster/global-setup.ts'],
          environment: 'node',
          sequence: { groupOrder: 2 },
          pool: 'forks',
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
