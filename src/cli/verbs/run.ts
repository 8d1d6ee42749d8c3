import { writeConfiguration } from '../../config/write.ts';
import { initializeJson, printInitialize } from '../print/reports.ts';
import type { Call, PerformVerb } from '../verb.ts';
import { cleanup } from './cleanup.ts';

/**
 * Follows the source until SIGTERM or SIGINT, which is how it is meant to end; or does, as kube-proxy, the one thing that a flag asks
 * for instead. Of several such flags the first one here counts.
 */
export const run: PerformVerb = async (call) => {
  const { writeConfigTo, initOnly } = call.settings;
  if (writeConfigTo !== undefined) return writeConfig(call, writeConfigTo);
  if (call.settings.cleanup) return cleanup(call);
  if (initOnly) return initialize(call);
  return follow(call);
};

async function writeConfig({ options, context }: Call, file: string): Promise<number> {
  await writeConfiguration(file, options.config);
  context.log.info({ file }, 'wrote the configuration');
  return 0;
}

async function initialize({ actions, withSourceIfAny, context, print }: Call): Promise<number> {
  const report = await actions.initialize(withSourceIfAny(), context);
  await print({ text: () => printInitialize(report), json: () => initializeJson(report) });
  return 0;
}

async function follow({ actions, settings, withSource, context }: Call): Promise<number> {
  const options = withSource();
  const { withoutEffect } = options.config;
  if (withoutEffect.length > 0) {
    context.log.warn({ fields: withoutEffect }, 'settings of the configuration that have no effect');
  }
  if (settings.ignored.length > 0) {
    context.log.warn({ flags: settings.ignored }, 'flags of kube-proxy that have no effect');
  }
  // What is wrong with objects goes into the log at once, not to the user at the end.
  await actions.run(options, { ...context, onFindings: () => undefined });
  return 0;
}
