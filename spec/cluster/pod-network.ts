import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './state.ts';

/**
 * A plugin of CNI: a Pod gets an address, and a way to the node's and no other. Both ends of that way,
 * and its route, go with the Pod, however that ends.
 */
const PLUGIN = `#!/bin/sh
set -eu
node=$(printf %.13s "$CNI_CONTAINERID")
case $CNI_COMMAND in
  ADD)
    exec 9> "$0.lock"
    flock 9
    next=$(cat "$0.next" 2>/dev/null || echo 0)
    while :; do
      next=$(((next + 1) % 250))
      address=%subnet%.$((next + 4))
      [ -n "$(ip route show "$address")" ] || break
    done
    echo "$next" > "$0.next"
    ip link add "$node" type veth peer name "$CNI_IFNAME" netns "$CNI_NETNS"
    ip address add %gateway%/32 dev "$node"
    ip link set "$node" up
    ip route add "$address/32" dev "$node"
    nsenter "--net=$CNI_NETNS" ip address add "$address" peer %gateway% dev "$CNI_IFNAME"
    nsenter "--net=$CNI_NETNS" ip link set "$CNI_IFNAME" up
    cat <<RESULT
{"cniVersion":"1.0.0","interfaces":[{"name":"$CNI_IFNAME","sandbox":"$CNI_NETNS"}],
"ips":[{"address":"$address/32","gateway":"%gateway%","interface":0}]}
RESULT
    ;;
  DEL) ip link delete "$node" 2>/dev/null || : ;;
  VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}' ;;
esac
`;

/** Its own for every cluster of the machine, because the port is. */
function subnetOf({ ports: { apiServer } }: Pick<Cluster, 'ports'>): string {
  return `10.${apiServer >> 8}.${apiServer & 0xff}`;
}

/** gatewayOf tells the address of the node that Pods without `hostNetwork` reach. */
export function gatewayOf(cluster: Pick<Cluster, 'ports'>): string {
  return `${subnetOf(cluster)}.1`;
}

/** writePodNetwork writes what containerd reads, and tells the folders of that and of its plugin. */
export async function writePodNetwork(
  cluster: Cluster,
): Promise<{ configuration: string; plugins: string }> {
  const [configuration, plugins] = ['cni', 'cni-plugins'].map((name) =>
    join(cluster.folder, 'node', name),
  ) as [string, string];
  await mkdir(configuration, { recursive: true });
  await mkdir(plugins, { recursive: true });
  const plugin = PLUGIN.replaceAll('%subnet%', subnetOf(cluster)).replaceAll(
    '%gateway%',
    gatewayOf(cluster),
  );
  await writeFile(join(plugins, 'pods'), plugin, { mode: 0o755 });
  const network = { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'pods' }] };
  await writeFile(join(configuration, 'pods.conflist'), JSON.stringify(network));
  return { configuration, plugins };
}
