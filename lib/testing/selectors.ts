import { asObject, type KubeObject } from './objects.ts';
import type { ResourceType } from './resource-type.ts';
import { badRequest } from './status.ts';
import { isValidLabelValue, LABEL_VALUE_RULE } from './validation.ts';

/** Whether an object is among those that a request asks for. */
export type Selector = (object: KubeObject) => boolean;

function fieldOf(object: KubeObject, field: string): string {
  let value: unknown = object;
  for (const part of field.split('.')) value = asObject(value)[part];
  return typeof value === 'string' ? value : '';
}

/** Reads `metadata.name=x,status.phase!=Running`. Throws what the API server answers to others. */
export function fieldSelector(text: string, type: ResourceType): Selector {
  const terms = text
    .split(',')
    .filter(Boolean)
    .map((term) => fieldTerm(term, text, type));
  return (object) => terms.every((term) => term(object));
}

function fieldTerm(term: string, text: string, type: ResourceType): Selector {
  const match = /^([^!=]+)(!=|==|=)(.*)$/.exec(term);
  if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
  const [, field = '', operator, value] = match;
  const known = ['metadata.name', 'metadata.namespace', ...type.selectableFields];
  if (!known.includes(field)) throw badRequest(type.unknownField(field));
  const wanted = operator !== '!=';
  return (object) => (fieldOf(object, field) === value) === wanted;
}

const TOKEN = /\s*(?:(!=|==|=|!|>|<|\(|\)|,)|([^\s!=<>(),]+))/y;

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    tokens.push(match[1] ?? match[2] ?? '');
  }
  return tokens;
}

function unparsable(problem: string): Error {
  return badRequest(`unable to parse requirement: ${problem}`);
}

function isWord(token: string): boolean {
  return !/^(|!=|==|=|!|>|<|\(|\)|,)$/.test(token);
}

/** Reads `app=web,tier in (a, b),!canary`. Throws what the API server answers to others. */
export function labelSelector(text: string): Selector {
  const tokens = tokensOf(text);
  const terms: Selector[] = [];
  while (tokens.length > 0) {
    terms.push(labelTerm(tokens));
    const separator = tokens.shift();
    if (separator !== undefined && separator !== ',') {
      throw badRequest(`found '${separator}', expected: ',' or 'end of string'`);
    }
    const [next = ''] = tokens;
    if (separator === ',' && next !== '!' && !isWord(next)) {
      throw badRequest(`found '${next}', expected: identifier after ','`);
    }
  }
  return (object) => terms.every((term) => term(object));
}

function labelTerm(tokens: string[]): Selector {
  const first = tokens.shift();
  const key = first === '!' ? tokens.shift() : first;
  if (key === undefined) throw unparsable("found '', expected: identifier");
  if (!isWord(key)) {
    throw badRequest(`found '${key}', expected: !, identifier, or 'end of string'`);
  }
  const label = (object: KubeObject) => object.metadata.labels?.[key];
  if (first === '!') return (object) => label(object) === undefined;
  if (tokens.length === 0 || tokens[0] === ',') return (object) => label(object) !== undefined;
  const operator = tokens.shift() ?? '';
  const values = labelValues(operator, tokens, key);
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return (object) => has(values, label(object));
    case '!=':
    case 'notin':
      return (object) => !has(values, label(object));
    case '>':
      return (object) => Number(label(object)) > Number(values[0]);
    case '<':
      return (object) => Number(label(object)) < Number(values[0]);
    default:
      throw unparsable(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
  }
}

function labelValues(operator: string, tokens: string[], key: string): string[] {
  const values = operator.endsWith('in') ? valueList(tokens) : [singleValue(tokens)];
  values.forEach((value, index) => {
    if (isValidLabelValue(value)) return;
    const shown = JSON.stringify(value);
    throw unparsable(`values[${index}][${key}]: Invalid value: ${shown}: ${LABEL_VALUE_RULE}`);
  });
  if ((operator === '>' || operator === '<') && !/^-?\d+$/.test(values.join())) {
    const rule = "for 'Gt', 'Lt' operators, the value must be an integer";
    throw unparsable(`values[0]: Invalid value: ${JSON.stringify(values[0])}: ${rule}`);
  }
  return values;
}

function has(values: readonly string[], value: string | undefined): boolean {
  return value !== undefined && values.includes(value);
}

function singleValue(tokens: string[]): string {
  return isWord(tokens[0] ?? '') ? (tokens.shift() ?? '') : '';
}

function valueList(tokens: string[]): string[] {
  const open = tokens.shift();
  if (open !== '(') throw unparsable(`found '${open ?? ''}' expected: '('`);
  const values: string[] = [];
  for (let token = tokens.shift(); token !== ')'; token = tokens.shift()) {
    if (token === undefined) throw unparsable("found '', expected: ',' or ')'");
    if (isWord(token)) values.push(token);
  }
  return values;
}
