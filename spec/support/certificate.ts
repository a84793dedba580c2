import { generateKeyPairSync, sign } from 'node:crypto';
import { isIP } from 'node:net';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * A new certificate that signs itself, for these hosts: for servers and clients in specs, without
 * a program or a package to make it. X.509 (RFC 5280) in as few fields as TLS needs.
 */
export function certificateFor(name: string, ...hosts: readonly string[]): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)); // ECDSA
  const who = sequence(der(0x31, sequence(objectId(0x55, 0x04, 0x03), der(0x0c, name))));
  const alternatives = sequence(...hosts.map(alternative));
  const facts = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, Buffer.of(1)),
    algorithm,
    who,
    // BoringSSL and rustls insist on UTCTime until 2049, and on the shortest lengths.
    sequence(der(0x17, '200101000000Z'), der(0x18, '21200101000000Z')),
    who,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(objectId(0x55, 0x1d, 0x11), der(0x04, alternatives)))),
  );
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', facts, privateKey)]);
  const whole = sequence(facts, algorithm, der(0x03, signature)).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${whole}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function alternative(host: string): Buffer {
  if (isIP(host) === 0) return der(0x82, host);
  if (isIP(host) === 4) return der(0x87, Buffer.from(host.split('.').map(Number)));
  if (host !== '::1') throw new Error(`not known how to write ${host}`);
  return der(0x87, Buffer.concat([Buffer.alloc(15), Buffer.of(1)]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function objectId(...bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

/** A value with its tag and length. */
function der(tag: number, content: Buffer | string): Buffer {
  const value = Buffer.from(content);
  const { length } = value;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const size = length < 0x80 ? [length] : long;
  return Buffer.concat([Buffer.of(tag, ...size), value]);
}
