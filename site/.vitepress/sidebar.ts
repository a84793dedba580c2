const page = (text: string, link: string) => ({ text, link });

/** By what a reader wants. */
export const sidebar = [
  { text: 'Start', items: [page('In five minutes', '/start'), page('Playground', '/playground')] },
  { text: 'Choose', items: [page('Life or lease', '/choose'), page('Comparison', '/comparison')] },
  {
    text: 'Guides',
    items: [
      page('Operator', '/guides/operator'),
      page('Cron worker', '/guides/cron'),
      page('Queue consumer', '/guides/queue'),
      page('NestJS', '/guides/nestjs'),
      page('BullMQ', '/guides/bullmq'),
      page('Several locks', '/guides/several-locks'),
      page('Rolling updates', '/guides/rolling-updates'),
      page('Node loss', '/guides/node-loss'),
      page('Fencing a database', '/guides/fencing'),
      page('Bundling', '/guides/bundling'),
      page('Testing a handover', '/guides/testing'),
      page('Scheduled jobs', '/schedulers'),
      page('Other languages', '/cli'),
      page('A sidecar', '/sidecar'),
      page('Cluster for tests', '/testing'),
      page('Lease mode', '/lease'),
      page('Examples', '/examples/'),
    ],
  },
  {
    text: 'Operate',
    items: [
      page('Production checklist', '/operate/checklist'),
      page('Troubleshooting', '/operate/troubleshooting'),
      page('Monitoring', '/monitoring'),
      page('Status and diagnosis', '/inspect'),
      page('Errors', '/errors'),
      page('Events', '/events'),
      page('Rights', '/rbac'),
      page('Policy', '/policy'),
      page('FAQ', '/faq'),
    ],
  },
  {
    text: 'Migrate',
    items: [
      page('From operator-lib', '/migrate/operator-lib'),
      page('From client-go', '/migrate/client-go'),
      page('From @codedependant', '/migrate/codedependant'),
      page('From a database lock', '/migrate/database-lock'),
    ],
  },
  {
    text: 'Understand',
    items: [
      page('Safety', '/safety'),
      page('Protocol for life', '/protocol'),
      page('Lease protocol', '/lease-protocol'),
      page('Architecture', '/architecture'),
      page('Simulation', '/simulation'),
      page('Exploration', '/exploration'),
      page('Chaos', '/chaos'),
      page('Benchmark', '/benchmark'),
    ],
  },
  {
    text: 'Reference',
    items: [
      page('become', '/become'),
      page('API', '/api/leader-for-life'),
      page('API of the testing tools', '/api/testing'),
      page('Parity with client-go', '/parity'),
      page('Versions and support', '/versions'),
      page('Changelog', '/changelog'),
      page('Releasing', '/releasing'),
      page('Dependencies', '/dependencies'),
      page('All pages', '/contents'),
    ],
  },
];
