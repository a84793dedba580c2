import { join } from 'node:path';

/** The checkout's own folder. */
export const root = join(import.meta.dirname, '../..');

/** What the package exports, as sources. */
export const entryPoints = {
  'leader-for-life': join(root, 'lib/index.ts'),
  'leader-for-life/testing': join(root, 'lib/testing/index.ts'),
  'leader-for-life/node-cron': join(root, 'lib/schedulers/node-cron.ts'),
  'leader-for-life/opentelemetry': join(root, 'lib/telemetry/opentelemetry.ts'),
  'leader-for-life/prometheus': join(root, 'lib/telemetry/prometheus.ts'),
};
