import type { PerformVerb } from '../verb.ts';

/** Follows the source until SIGTERM or SIGINT, which is how it is meant to end. */
export const run: PerformVerb = async ({ actions, withSource, context }) => {
  const options = withSource();
  const { withoutEffect } = options.config;
  if (withoutEffect.length > 0) {
    context.log.info({ fields: withoutEffect }, 'fields of the configuration file that have no effect');
  }
  // What is wrong with objects goes into the log at once, not to the user at the end.
  await actions.run(options, { ...context, onFindings: () => undefined });
  return 0;
};
