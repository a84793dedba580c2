import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** They are about one connection, not about the request: RFC 9110, 7.6.1. */
const OF_A_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  'host',
]);

/** What of a message's headers is to be passed on: neither pseudo-headers nor a connection's. */
export function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const entries = Object.entries(headers).filter(
    ([name]) => !name.startsWith(':') && !OF_A_CONNECTION.has(name),
  );
  return Object.fromEntries(entries);
}
