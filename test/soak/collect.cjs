// Loaded into the agent before it starts, with --expose-gc: SIGUSR2 collects all garbage, so that what is left can be compared.
process.on('SIGUSR2', () => globalThis.gc());
