import type { ResourceTypes } from './kinds.ts';
import { apiVersionOf, type ResourceType } from './resource-type.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.0' };

const SHORT_NAMES: Readonly<Record<string, string>> = {
  configmaps: 'cm',
  events: 'ev',
  namespaces: 'ns',
  nodes: 'no',
  pods: 'po',
};

function resourceOf(type: ResourceType) {
  const { plural, namespaced, kind } = type;
  const short = SHORT_NAMES[plural];
  const shortNames = short ? [short] : [];
  const singularName = kind.toLowerCase();
  const entry = { name: plural, singularName, namespaced, kind, verbs: VERBS, shortNames };
  const verbs = ['get', 'patch', 'update'];
  const status = { name: `${plural}/status`, singularName: '', namespaced, kind, verbs };
  return type.hasStatus ? [entry, status] : [entry];
}

function groupsOf(types: ResourceTypes) {
  const groups = new Map(types.all.map(({ group, version }) => [group, version]));
  groups.delete('');
  return [...groups].map(([name, version]) => {
    const preferredVersion = { groupVersion: `${name}/${version}`, version };
    return { name, versions: [preferredVersion], preferredVersion };
  });
}

/** What clients ask first: which kinds there are. Nothing for other paths. */
export function discovery(path: string, types: ResourceTypes): object | undefined {
  const address = path.replace(/\/$/, '');
  if (address === '/version') return VERSION;
  if (address === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (address === '/apis') {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(types) };
  }
  const groupVersion = /^\/apis?\/(.+)$/.exec(address)?.[1] ?? '';
  const resources = types.all.filter((type) => apiVersionOf(type) === groupVersion);
  if (resources.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: resources.flatMap(resourceOf),
  };
}
