// Brings up a real Kubernetes on this machine. See `node cluster.ts help`.
import { parseArgs } from 'node:util';
import { components } from './component.ts';
import { down, status, up } from './lifecycle.ts';
import { logOf } from './process.ts';

const HELP = `Usage: node cluster.ts up [--node] [--name NAME]
       node cluster.ts status [--name NAME]
       node cluster.ts down [--name NAME]

A real Kubernetes on this Linux machine, everything on 127.0.0.1: etcd, kube-apiserver,
kube-controller-manager and kube-scheduler. The first \`up\` builds them from their Go modules.

up      Starts what does not run yet and waits until it is ready. The last line on standard output
        is the path of the kubeconfig.
status  Says what runs; its exit code is 0 when the cluster is up, else 1.
down    Ends it and removes all that there is of it.

--node  Adds a node (containerd and kubelet), on which Pods with images that were imported run. It
        needs root and runc. Pods have addresses that the node reaches, and reach only the node.
--name  There can be several clusters at once, each with its name. [default: default]
`;

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'default' },
      node: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [command, ...rest] = values.help ? ['help'] : positionals;
  if (rest.length > 0) throw new Error(`too much: ${rest.join(' ')}\n\n${HELP}`);
  switch (command) {
    case 'up': {
      const cluster = await up(values);
      process.stdout.write(`${cluster.kubeconfig}\n`);
      return 0;
    }
    case 'status':
      return show(values.name);
    case 'down':
      await down(values);
      return 0;
    case 'help':
      process.stdout.write(HELP);
      return 0;
    default:
      throw new Error(`${command ? `no such command: ${command}` : 'which command?'}\n\n${HELP}`);
  }
}

async function show(name: string): Promise<number> {
  const { isUp, cluster, components: running } = await status(name);
  const lines = [`${name}: ${isUp ? 'up' : running.size > 0 ? 'not whole' : 'down'}`];
  for (const component of components) {
    const found = running.get(component);
    const state = found ? `pid ${found.pid}${found.isStopped ? ', stopped' : ''}` : '-';
    lines.push(`  ${component.padEnd(24)} ${state}`);
  }
  if (cluster) {
    const paths = {
      server: cluster.server,
      kubeconfig: cluster.kubeconfig,
      kubectl: cluster.kubectl,
      'audit log': cluster.auditLog,
      logs: logOf(cluster, '*'),
    };
    for (const [what, where] of Object.entries(paths)) lines.push(`  ${what.padEnd(24)} ${where}`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  return isUp ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? `\n${cause.message}` : '';
  process.stderr.write(`${message}${reason}\n`);
  process.exitCode = 1;
}
