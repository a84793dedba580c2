import { loadAllYaml } from '@kubernetes/client-node';
import { read } from '../public/project.ts';

/** A rule of the PrometheusRule. */
export interface Rule {
  readonly alert: string;
  readonly expr: string;
}

/** The groups of rules, as a file of Prometheus has them. */
export interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

/** A panel of the dashboard. */
export interface DashboardPanel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
}

/** The rules that docs/deploy/monitoring has. */
export function documentedRules(): Rules {
  const [manifest] = loadAllYaml(read('docs/deploy/monitoring/prometheus-rule.yaml')) as {
    readonly spec: Rules;
  }[];
  if (!manifest) throw new Error('there is no PrometheusRule');
  return manifest.spec;
}

/** The panels of the dashboard that docs/deploy/monitoring has. */
export function documentedPanels(): readonly DashboardPanel[] {
  const text = read('docs/deploy/monitoring/dashboard.json');
  return (JSON.parse(text) as { readonly panels: readonly DashboardPanel[] }).panels;
}
