import { becomeBehaviour } from './become.ts';
import { inProcess } from './in-process.ts';
import { leadBehaviour } from './lead.ts';
import { observeBehaviour } from './observe.ts';

becomeBehaviour('the cluster in the process', inProcess);
leadBehaviour('the cluster in the process', inProcess);
observeBehaviour('the cluster in the process', inProcess);
